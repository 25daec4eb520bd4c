import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inDays } from "../support/days.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;

before(async () => {
  site = await startSite({ running: true });
  await site.addService("users");
  await site.addPartner("york", ["email"], { timeZone: "America/New_York" });
  await site.sql.query("UPDATE partners SET holidays = '{2031-05-15}' WHERE partner = 'york'");
  const fields = { category: "major", service: "users", title: "IDs become UUIDs" };
  // A Sunday: -P14D and -P7D are Sundays too, -P1D is a Saturday, -P1M the holiday.
  await site.announce({ ...fields, change: "CHG-1", releaseAt: "2031-06-15" });
  await site.announce({ ...fields, change: "CHG-2", releaseAt: inDays(18) });
  await site.quiet();
});

/** The rows of "What we tell you, and when": when, what, whether it was sent. */
const plan = async (change: string): Promise<string[][]> => {
  const html = await (await site.get(site.pageOf("york", change))).text();
  const [table = ""] = /<table class="plan">[\s\S]*?<\/table>/.exec(html) ?? [];
  return [...table.matchAll(/<tr><td>(.*)<\/td><\/tr>/g)].map(([, cells = ""]) => cells.split(/<\/td><td[^>]*>/));
};

test("what is planned is shown at the partner's own hour: nine by its clock, before weekends and its holidays", async () => {
  assert.deepEqual((await plan("CHG-1")).slice(1), [
    ["14 May 2031, 09:00", "Reminder, 1 month before", "planned"],
    ["30 May 2031, 09:00", "Reminder, 14 days before", "planned"],
    ["6 Jun 2031, 09:00", "Reminder, 7 days before", "planned"],
    ["13 Jun 2031, 09:00", "Reminder, 1 day before", "planned"],
  ]);
});

test("what was fanned out already but waits for that hour is planned, not on its way", async () => {
  const { rows } = await site.sql.query<{ at: Date }>(
    `SELECT d.due_at AS at FROM deliveries d JOIN notices n ON n.no = d.notice
     WHERE n.change = 'CHG-2' AND n."offset" = '-P14D'`,
  );
  const at = rows[0]?.at ?? assert.fail("it is not fanned out");
  const style = { dateStyle: "medium", timeStyle: "short", timeZone: "America/New_York" } as const;
  const shown = new Intl.DateTimeFormat("en-150", style).format(at);
  assert.deepEqual((await plan("CHG-2"))[1], [shown, "Reminder, 14 days before", "planned"]);
});

test("who is ready reads that only the last reminder is still sent, until the date is brought forward", async () => {
  const states = async () => (await plan("CHG-1")).slice(1).map(([, , state]) => state);
  const page = site.pageOf("york", "CHG-1");
  await site.post(`${page}/acknowledgements`, { status: "ready", revision: "1" });
  const spared = "not sent, as you are ready";
  assert.deepEqual(await states(), [spared, spared, spared, "planned"]);
  await site.post(`${page}/acknowledgements`, { status: "needs-help", revision: "1" });
  assert.deepEqual(await states(), ["planned", "planned", "planned", "planned"]);
  await site.post(`${page}/acknowledgements`, { status: "ready", revision: "1" });
  await site.say("updated", { change: "CHG-1", releaseAt: "2031-06-14", reason: "Sooner" });
  await site.quiet();
  assert.ok(!(await states()).includes(spared));
});

test("a page of a change names the zone of its times, and opens no more than the change: its link may be passed on", async () => {
  const html = await (await site.get(site.pageOf("york", "CHG-2"))).text();
  assert.ok(!html.includes(site.pageOf("york", null)));
  assert.match(html, /<footer>Times are in your zone, America\/New York\./);
});

test("who opens the address of a button's answer again gets the page", async () => {
  const home = site.pageOf("york", null);
  for (const path of ["/preferences", "/endpoints/ep_1/test", "/deliveries/x.ep_1/resend", "/revoke"]) {
    const answer = await site.get(`${home}${path}`);
    assert.deepEqual([answer.status, answer.headers.get("location")?.endsWith(home)], [303, true], path);
  }
});

test("the home page offers to send again what is still said, and nothing else", async () => {
  await site.say("cancelled", { change: "CHG-2", reason: "Not needed" });
  await site.quiet();
  const html = await (await site.get(site.pageOf("york", null))).text();
  assert.match(html, /CHG-2\.r2\.cancelled\.ep_1\/resend/);
  assert.match(html, /Announcement <span class="mono">CHG-2/);
  assert.doesNotMatch(html, /CHG-2\.r1\.\S+\/resend/);
});
