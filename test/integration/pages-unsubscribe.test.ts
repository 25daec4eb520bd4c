import assert from "node:assert/strict";
import { before, test } from "node:test";
import ICAL from "ical.js";
import { makeTakeBounce } from "../../src/flow/take-bounce.ts";
import { inDays } from "../support/days.ts";
import type { Mail } from "../support/mailbox.ts";
import { quietLog } from "../support/servers.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;

before(async () => {
  site = await startSite({ running: true });
  await site.addService("oauth");
  await site.addPartner("acme", ["email", "webhook"]);
});

const ADDRESS = "acme@partner.example";
const statusOf = async (): Promise<string | undefined> =>
  (await site.sql.query<{ status: string }>("SELECT status FROM endpoints WHERE address = $1", [ADDRESS])).rows[0]
    ?.status;

const header = (mail: Mail, name: string): string[] =>
  mail.parsed.headers.filter(({ key }) => key === name).map(({ value }) => value.replace(/\s+/g, " "));

const announce = async (change: string): Promise<void> => {
  await site.say("created", {
    change,
    category: "major",
    service: "oauth",
    title: "Tokens expire",
    releaseAt: inDays(60),
  });
  await site.quiet();
};

/** The path that a mail's header names for unsubscribing. */
const unsubscribePath = (mail: Mail): string => {
  const [value = ""] = header(mail, "list-unsubscribe");
  const [, url = ""] = /^<(https?:[^>]+)>/.exec(value) ?? [];
  return new URL(url).pathname;
};

test("each mail names one address to unsubscribe at once, hard to forge, and one to write to", async () => {
  await announce("CHG-1");
  const [mail] = await site.mailbox.waitFor(1, { to: ADDRESS });
  assert.ok(mail);
  const [value, ...more] = header(mail, "list-unsubscribe");
  assert.deepEqual(more, []);
  assert.match(
    value ?? "",
    /^<http:\/\/127\.0\.0\.1:8484\/p\/([\w-]+\.[\w-]{27})\/unsubscribe>, <mailto:forewarn@localhost\?subject=unsubscribe%20\1>$/,
  );
  assert.deepEqual(header(mail, "list-unsubscribe-post"), ["List-Unsubscribe=One-Click"]);
});

test("looking at the page changes nothing; one click of a mail program does, without cookie, login or redirect", async () => {
  const path = unsubscribePath(site.mailbox.to(ADDRESS)[0]!);
  const page = await site.get(path);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<form method="post"[^>]*\/unsubscribe"/);
  assert.equal(await statusOf(), "active");

  const clicked = await site.post(path, { "List-Unsubscribe": "One-Click" });
  assert.equal(clicked.status, 200);
  assert.equal(clicked.headers.get("location"), null);
  assert.equal(clicked.headers.get("set-cookie"), null);
  assert.equal(await statusOf(), "unsubscribed");
  assert.match(await clicked.text(), /gets no more change notices/);

  await announce("CHG-2");
  await site.receiver.waitFor(2, { path: "/acme" });
  assert.equal(site.mailbox.to(ADDRESS).length, 1, "the webhook is told, the address is not");
});

test("unsubscribing can be undone, and repeated, also as multipart/form-data", async () => {
  const path = unsubscribePath(site.mailbox.to(ADDRESS)[0]!);
  assert.match(await (await site.get(path)).text(), /Subscribe again/);
  assert.equal((await site.post(path.replace(/unsubscribe$/, "resubscribe"))).status, 200);
  assert.equal(await statusOf(), "active");
  const form = new FormData();
  form.set("List-Unsubscribe", "One-Click");
  assert.equal((await fetch(`${site.address}${path}`, { method: "POST", body: form })).status, 200);
  assert.equal(await statusOf(), "unsubscribed");
  assert.equal((await site.post(path)).status, 200);
  assert.equal((await site.post(path.replace(/unsubscribe$/, "resubscribe"))).status, 200);
});

test("a mail program that writes to the other address of the header unsubscribes as well", async () => {
  const takeBounce = makeTakeBounce({ ...site.parts, log: quietLog });
  const [value = ""] = header(site.mailbox.to(ADDRESS)[0]!, "list-unsubscribe");
  const { searchParams } = new URL(/<(mailto:[^>]+)>/.exec(value)?.[1] ?? "");
  const write = (subject: string) =>
    takeBounce(Buffer.from(`From: ${ADDRESS}\r\nTo: forewarn@localhost\r\nSubject: ${subject}\r\n\r\n`));
  assert.equal(await statusOf(), "active");
  assert.deepEqual(await write("unsubscribe MQ.aaaaaaaaaaaaaaaaaaaaaaaaaaa"), { matched: false });
  assert.equal(await statusOf(), "active");
  assert.deepEqual(await write(searchParams.get("subject") ?? ""), {
    matched: true,
    bounces: [],
    unsubscribed: { endpoint: "ep_1", partner: "acme" },
  });
  assert.equal(await statusOf(), "unsubscribed");
  await site.post(unsubscribePath(site.mailbox.to(ADDRESS)[0]!).replace(/unsubscribe$/, "resubscribe"));
});

test("a forged or foreign link unsubscribes nobody, and a bounced address does not come back by itself", async () => {
  const { keyring } = site.parts;
  const forged = unsubscribePath(site.mailbox.to(ADDRESS)[0]!).replace(/\.[\w-]/, (found) =>
    found === ".x" ? ".y" : ".x",
  );
  for (const path of [
    forged,
    `/p/${keyring.pageToken("acme", null)}/unsubscribe`,
    `/p/${keyring.calendarToken("acme")}/unsubscribe`,
    `/p/${keyring.unsubscribeToken(2)}/unsubscribe`,
    `/p/${keyring.unsubscribeToken(99)}/unsubscribe`,
  ])
    assert.equal((await site.post(path)).status, 404, path);
  assert.equal(await statusOf(), "active");
  await site.sql.query("UPDATE endpoints SET status = 'bounced' WHERE address = $1", [ADDRESS]);
  assert.equal((await site.post(`/p/${keyring.unsubscribeToken(1)}/resubscribe`)).status, 200);
  assert.equal(await statusOf(), "bounced");
  await site.sql.query("UPDATE endpoints SET status = 'active' WHERE address = $1", [ADDRESS]);
});

test("the mails of a change's life carry one calendar entry that moves, and goes when the change is cancelled", async () => {
  await announce("CHG-3");
  for (const days of [70, 80]) {
    await site.say("updated", { change: "CHG-3", releaseAt: inDays(days), reason: "Later" });
    await site.quiet();
  }
  await site.say("cancelled", { change: "CHG-3", reason: "Not needed" });
  await site.quiet();
  const mails = site.mailbox.to(ADDRESS).filter((mail) => mail.parsed.subject?.startsWith("[CHG-3]"));
  const entries = mails.map((mail) => {
    const part =
      mail.parsed.attachments.find(({ mimeType }) => mimeType === "text/calendar") ?? assert.fail("no entry");
    const text = typeof part.content === "string" ? part.content : Buffer.from(part.content as ArrayBuffer).toString();
    const calendar = new ICAL.Component(ICAL.parse(text) as unknown[]);
    const event = calendar.getFirstSubcomponent("vevent");
    return [
      calendar.getFirstPropertyValue("method"),
      event?.getFirstPropertyValue("uid"),
      event?.getFirstPropertyValue("sequence"),
      String(event?.getFirstPropertyValue("dtstart")),
      part.method,
    ];
  });
  assert.deepEqual(entries, [
    ["REQUEST", "CHG-3@127.0.0.1", 0, inDays(60), "REQUEST"],
    ["REQUEST", "CHG-3@127.0.0.1", 1, inDays(70), "REQUEST"],
    ["REQUEST", "CHG-3@127.0.0.1", 2, inDays(80), "REQUEST"],
    ["CANCEL", "CHG-3@127.0.0.1", 3, inDays(80), "CANCEL"],
  ]);
});
