import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inDays } from "../support/days.ts";
import { until } from "../support/until.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;

before(async () => {
  site = await startSite({ running: true });
  await site.addService("users");
  await site.addPartner("acme", ["email", "webhook"]);
  await site.addPartner("beta", ["email"]);
  const change = { category: "major", service: "users", title: "IDs become UUIDs" };
  await site.announce({ ...change, change: "CHG-1", releaseAt: inDays(60) });
  await site.announce({ ...change, change: "CHG-6", releaseAt: inDays(-91) });
});

test("the home page lists what is ahead, tests an endpoint, rotates a secret and keeps preferences", async () => {
  const home = site.pageOf("acme", null);
  await site.quiet();
  const html = await (await site.get(home)).text();
  assert.ok(html.includes(`href="${site.pageOf("acme", "CHG-1")}"`));
  assert.ok(!html.includes("CHG-6</span> ·"), "what is in effect is not ahead");
  assert.match(html, /acme@partner\.example/);
  assert.match(html, /<td class="told">sent<\/td>/);
  const [, ofMail] = /action="([^"]*)\/test"[^>]*><button aria-label="[^"]*acme@partner/.exec(html) ?? [];
  const tested = await (await site.post(`${ofMail}/test`)).text();
  assert.match(tested, /The test for acme@partner\.example was sent\./);
  assert.ok(site.mailbox.to("acme@partner.example").some((mail) => mail.parsed.subject === "[Forewarn] Test notice"));

  const [, again = "", change = ""] = /action="([^"]*\/(CHG-\d)\.r1\.announcement\.ep_1\/resend)"/.exec(html) ?? [];
  const copies = () =>
    site.mailbox.to("acme@partner.example").filter((mail) => mail.parsed.subject?.startsWith(`[${change}]`));
  assert.equal(copies().length, 1);
  assert.match(await (await site.post(again)).text(), /It is on its way again/);
  await until(() => copies().length === 2, { what: "the same mail once more" });
  assert.equal(copies()[0]?.parsed.messageId, copies()[1]?.parsed.messageId);
  assert.equal((await site.post(again.replace("ep_1", "ep_3"))).status, 404, "another partner's delivery");

  const [, ofWebhook] = /action="([^"]*)\/rotate"/.exec(html) ?? [];
  const rotated = await (await site.post(`${ofWebhook}/rotate`)).text();
  const [secret = ""] = /whsec_[A-Za-z0-9+/=]+/.exec(rotated) ?? [];
  await site.post(`${ofWebhook}/test`);
  const post = site.receiver.received.at(-1);
  assert.ok(post && site.receiver.verify(post, secret), "the new secret signs");
  assert.ok(!(await (await site.get(home)).text()).includes(secret), "it is shown once");
  assert.equal(
    (await site.post(`${site.pageOf("acme", null)}/endpoints/ep_3/rotate`)).status,
    404,
    "another partner's",
  );

  const refused = await site.post(`${home}/preferences`, {
    locale: "x!",
    timeZone: "Mars/Base",
    holidays: "2027-02-30",
  });
  assert.equal(refused.status, 422);
  const marked = await refused.text();
  assert.equal(marked.match(/aria-invalid="true"/g)?.length, 3);
  assert.ok(marked.includes('value="Mars/Base"'), "what was written stays");
  const inZone = (timeZone: string) => site.post(`${home}/preferences`, { locale: "en", timeZone, holidays: "" });
  const unknown = await inZone("US/Pacific-New");
  assert.deepEqual([unknown.status, (await unknown.text()).match(/aria-invalid="true"/g)?.length], [422, 1]);
  assert.ok((await (await inZone("CET")).text()).includes('value="Europe/Brussels"'));
  const saved = await site.post(`${home}/preferences`, {
    locale: "fr",
    timeZone: "Asia/Tokyo",
    holidays: "2027-12-25\r\n2027-12-26\r\n",
  });
  assert.match(await saved.text(), /<html lang="fr">[\s\S]*Enregistré\./);
  const { rows } = await site.sql.query(
    "SELECT locale, time_zone, holidays::text[] FROM partners WHERE partner = 'acme'",
  );
  assert.deepEqual(rows, [{ locale: "fr", time_zone: "Asia/Tokyo", holidays: ["2027-12-25", "2027-12-26"] }]);
});

test("a partner moves an address of its own, and what is no address, taken or another's stays as it was", async () => {
  await site.addPartner("gamma", ["email", "webhook"]);
  const home = site.pageOf("gamma", null);
  const html = await (await site.get(home)).text();
  const [mail = "", webhook = ""] = [...html.matchAll(/action="([^"]*\/address)"/g)].map(([, action]) => action);
  const move = async (action: string, address: string): Promise<[number, string]> => {
    const answer = await site.post(action, { address });
    return [answer.status, /role="status">([^<]*)/.exec(await answer.text())?.[1] ?? ""];
  };
  assert.deepEqual(await move(mail, " api@gamma.example "), [200, "Notices go to api@gamma.example from now on."]);
  const hook = site.receiver.url("gamma-moved");
  assert.deepEqual(await move(webhook, hook), [200, `Notices go to ${hook} from now on.`]);
  await site.sql.query(
    "INSERT INTO endpoints (partner, channel, address) VALUES ('gamma', 'email', 'two@gamma.example')",
  );
  assert.equal((await move(mail, "two@gamma.example"))[0], 409);
  assert.equal((await move(mail, "a@b.example, c@d.example"))[0], 422);
  assert.equal((await move(webhook, "http://10.0.0.1/x"))[0], 422);
  assert.equal((await move(webhook, "api@gamma.example"))[0], 422);
  assert.equal((await site.post(`${home}/endpoints/ep_1/address`, { address: "eve@evil.example" })).status, 404);
  const { rows } = await site.sql.query<{ address: string }>(
    "SELECT address FROM endpoints WHERE partner = 'gamma' OR no = 1 ORDER BY no",
  );
  assert.deepEqual(
    rows.map(({ address }) => address),
    ["acme@partner.example", "api@gamma.example", hook, "two@gamma.example"],
  );
});

test("an admin hands over a partner's links, and makes them void", async () => {
  const ask = async (method: string, path: string) =>
    (
      await fetch(`${site.address}/v1/partners/acme/links${path}`, {
        method,
        headers: { authorization: "Bearer an-admin-key-of-this-test" },
      })
    ).json() as Promise<{ home: string; calendar: string }>;
  const first = await ask("GET", "");
  assert.equal(new URL(first.home).pathname, site.pageOf("acme", null));
  const second = await ask("POST", "/revoke");
  assert.equal((await site.get(new URL(first.calendar).pathname)).status, 404);
  assert.equal((await site.get(new URL(second.calendar).pathname)).status, 200);
  await until(async () => (await site.get(new URL(second.home).pathname)).status === 200, { what: "the new home" });
});
