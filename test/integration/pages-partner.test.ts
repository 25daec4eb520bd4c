import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inDays } from "../support/days.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;

const NASTY = `"><script>alert(1)</script><img src=x onerror=alert(1)> {{ brand }} ' & \u202Egnp`;

const acknowledgements = async (change: string) =>
  (
    await site.sql.query<{ partner: string; revision: number; status: string; by: string; note: string | null }>(
      `SELECT partner, revision, status, "by", note FROM acknowledgements WHERE change = $1 ORDER BY no`,
      [change],
    )
  ).rows;

before(async () => {
  site = await startSite({ running: true });
  await site.addService("users");
  await site.addPartner("acme", ["email", "webhook"]);
  await site.addPartner("beta", ["email"], { locale: "fr-CA", timeZone: "America/Toronto" });
});

const announce = (change: string, data: Record<string, unknown> = {}) =>
  site.say("created", {
    change,
    category: "major",
    service: "users",
    title: "IDs become UUIDs",
    releaseAt: inDays(60),
    ...data,
  });

test("opening a page as often as one likes records nothing; a button records a word, on the revision that was read", async () => {
  await announce("CHG-1");
  const page = site.pageOf("acme", "CHG-1");
  for (let times = 0; times < 3; times += 1) assert.equal((await site.get(page)).status, 200);
  assert.equal((await site.get(`${page}/acknowledgements`)).status, 404);
  assert.deepEqual(await acknowledgements("CHG-1"), []);

  const answer = await site.post(`${page}/acknowledgements`, { status: "seen", revision: "1", by: " Ada ", note: "" });
  assert.equal(answer.status, 303);
  const back = new URL(answer.headers.get("location") ?? "", `${site.address}${page}/acknowledgements`);
  assert.equal(back.pathname, page);
  assert.equal(answer.headers.get("set-cookie"), null);
  assert.deepEqual(await acknowledgements("CHG-1"), [
    { partner: "acme", revision: 1, status: "seen", by: "Ada", note: null },
  ]);
  assert.match(await (await site.get(page)).text(), /You told us on .* that you have seen this/);
});

test("ready on a page of an older revision counts for that one, and the page shows what has changed since", async () => {
  await announce("CHG-2", { details: "One.\n\nTwo.\n\nThree." });
  await site.say("updated", { change: "CHG-2", summary: "It is about users.", details: "One.\n\nThree.\n\nFour." });
  const page = site.pageOf("acme", "CHG-2");
  await site.post(`${page}/acknowledgements`, { status: "ready", revision: "1" });
  assert.equal((await acknowledgements("CHG-2"))[0]?.revision, 1);
  const shown = await (await site.get(page)).text();
  const said = shown.slice(shown.indexOf('id="answer"'), shown.indexOf("<form"));
  assert.match(said, /That was about revision 1\. This has changed since/);
  assert.match(said, /<del>none<\/del>[\s\S]*<ins>It is about users\.<\/ins>/);
  assert.match(said, /<del>Two\.<\/del>[\s\S]*<ins>Four\.<\/ins>/);
  assert.doesNotMatch(said, /<(?:del|ins)>(?:One|Three)\./);
  await site.post(`${page}/acknowledgements`, { status: "ready", revision: "2" });
  assert.doesNotMatch(await (await site.get(page)).text(), /That was about revision/);
});

test("help is asked for with a note; nonsense is refused, and a program's answer is JSON", async () => {
  await announce("CHG-3");
  const url = `${site.pageOf("acme", "CHG-3")}/acknowledgements`;
  await site.post(url, { status: "needs-help", note: `We need a month.\r\n${NASTY}`, by: NASTY });
  const [asked] = await acknowledgements("CHG-3");
  assert.equal(asked?.status, "needs-help");
  assert.match(asked?.note ?? "", /^We need a month\.\n/);
  for (const form of [
    { status: "done" },
    {},
    { status: "ready", revision: "7" },
    { status: "ready", revision: "x" },
    { status: "ready", note: "x".repeat(2_001) },
  ])
    assert.equal((await site.post(url, form)).status, 422, JSON.stringify(form));
  const program = await fetch(`${site.address}${url}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ status: "ready", by: "deploy bot" }),
  });
  assert.equal(program.status, 201);
  assert.partialDeepStrictEqual(await program.json(), {
    change: "CHG-3",
    partner: "acme",
    status: "ready",
    revision: 1,
  });
});

test("no text of a change, a partner or an answer becomes markup on a page", async () => {
  await site.sql.query("UPDATE partners SET name = $1 WHERE partner = 'acme'", [NASTY]);
  await announce("CHG-4", {
    title: NASTY.slice(0, 100).replaceAll("\u202E", ""),
    summary: NASTY,
    details: `${NASTY}\n\n[x](javascript:alert(1))`,
    action: NASTY,
    affects: [NASTY.replaceAll("\u202E", "")],
    contact: "javascript:alert(1)",
    links: [{ rel: "x", href: "https://a.example/'><script>alert(1)</script>", title: "x<script>" }],
  });
  await site.say("updated", { change: "CHG-4", action: `${NASTY} again`, reason: "<b>so</b>" });
  await site.post(`${site.pageOf("acme", "CHG-4")}/acknowledgements`, {
    status: "seen",
    revision: "1",
    by: NASTY,
    note: NASTY,
  });
  const paths = [site.pageOf("acme", "CHG-4"), site.pageOf("acme", null), "/changelog", "/changelog/CHG-4"];
  for (const path of paths) {
    const answer = await site.get(path);
    const html = await answer.text();
    assert.equal(answer.status, 200, path);
    assert.doesNotMatch(html, /<script|<img|<b>so|href="javascript|\u202E| style="/i, path);
    assert.doesNotMatch(html.replace(/"[^"]*"/g, '""'), /<[^>]*\son\w+=/i, path);
  }
  assert.doesNotMatch(await (await site.get("/changelog.atom")).text(), /<script|<img/i);
  const feed = (await (await site.get("/changelog.json")).json()) as { items: { content_html: string }[] };
  for (const { content_html } of feed.items) assert.doesNotMatch(content_html, /<script|<img| style=/i);
});

test("every page names what it may load: its own style, and nothing from elsewhere", async () => {
  const unsubscribe = `/p/${site.parts.keyring.unsubscribeToken(1)}/unsubscribe`;
  for (const path of [site.pageOf("acme", "CHG-1"), site.pageOf("acme", null), unsubscribe, "/changelog", "/p/x.y"]) {
    const { headers } = await site.get(path);
    assert.match(
      headers.get("content-security-policy") ?? "",
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
    );
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("set-cookie"), null);
    assert.equal(headers.get("cache-control")?.includes("no-store"), path !== "/changelog");
  }
});

test("a partner reads its own language on its own clock", async () => {
  const html = await (await site.get(site.pageOf("beta", "CHG-1"))).text();
  assert.match(html, /<html lang="fr">/);
  assert.match(html, /Où en êtes-vous/);
  assert.match(html, /Heures de votre fuseau, America\/Toronto/);
});

test("a link is worth nothing when it is forged, of another purpose, revoked, or of a partner who left", async () => {
  const { keyring } = site.parts;
  const good = site.pageOf("beta", "CHG-1");
  assert.equal((await site.get(good)).status, 200);
  const [subject, mac = ""] = good.slice(3).split(".");
  const forged = Buffer.from("acme.CHG-1").toString("base64url");
  for (const token of [
    `${forged}.${mac}`,
    `${subject}.${mac.slice(0, -2)}`,
    subject ?? "",
    keyring.unsubscribeToken(1),
    keyring.calendarToken("beta"),
    keyring.pageToken("beta", "CHG-1", 1),
    keyring.pageToken("nobody", null),
  ])
    assert.equal((await site.get(`/p/${token}`)).status, 404, token);
  assert.equal((await site.post(`/p/${forged}.${mac}/acknowledgements`, { status: "ready" })).status, 404);

  const revoked = await site.post(`${site.pageOf("beta", null)}/revoke`);
  const [, next] = /href="[^"]*(\/p\/[^"]+)"/.exec(await revoked.text()) ?? [];
  for (const path of [good, site.pageOf("beta", null), `/p/${keyring.calendarToken("beta")}/calendar.ics`])
    assert.equal((await site.get(path)).status, 404, path);
  assert.equal((await site.get(next ?? "")).status, 200);
  assert.equal((await site.get(`/p/${keyring.pageToken("beta", "CHG-1", 1)}`)).status, 200);
  await announce("CHG-5");
  await site.quiet();
  const mail = site.mailbox.to("beta@partner.example").at(-1);
  assert.ok(mail?.parsed.text?.includes(`/p/${keyring.pageToken("beta", "CHG-5", 1)}`), "later mails carry live links");
});

test("a page closes ninety days after the release, and says where the record is", async () => {
  await announce("CHG-6", { releaseAt: inDays(-91) });
  const page = site.pageOf("acme", "CHG-6");
  assert.equal((await site.get(page)).status, 200, "who is told late can still read it");
  await site.sql.query("UPDATE revisions SET accepted_at = accepted_at - interval '91 days' WHERE change = 'CHG-6'");
  const closed = await site.get(page);
  assert.equal(closed.status, 410);
  assert.match(await closed.text(), /changelog\/CHG-6/);
  assert.equal((await site.post(`${page}/acknowledgements`, { status: "ready" })).status, 410);
});
