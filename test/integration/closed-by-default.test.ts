import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { readConfig } from "../../src/config.ts";
import { makeLog } from "../../src/log.ts";
import { startEverything } from "../../src/processes/everything.ts";
import { openRedis } from "../../src/queue/connection.ts";
import { inDays } from "../support/days.ts";
import { atEnd } from "../support/at-end.ts";
import { type Mailbox, startMailbox } from "../support/mailbox.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import { freshDatabase, privateRedis, temporaryFolder } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** A whole installation at its usual log level, with everything that it logs and everything that goes to Redis. */
const ADMIN_KEY = "fw_admin_of-this-test_0123456789";
const SECRET = randomBytes(48).toString("base64");
/** One line that tries markup, templates, encoded words, headers and addresses at once. */
const NASTY = `"><script>alert(1)</script><img src=x onerror=alert(2)> {{ own.page }}{% raw %} =?utf-8?q?=0D=0ABcc:_evil@x.example?= <evil@x.example>, evil@x.example \\`;
const NASTY_PROSE = `${NASTY}\n\n[here](javascript:alert(3)) ![x](https://evil.example/pixel.png)\r\nBcc: evil@x.example`;

let mailbox: Mailbox;
let receiver: Receiver;
let address: string;
const logged: string[] = [];
const commands: string[] = [];

type Answer = { status: number; body: Record<string, never> & { secret?: string } };
const call = async (method: string, path: string, body?: unknown, type = "application/json"): Promise<Answer> => {
  const reply = await fetch(`${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, body: (await reply.json()) as Answer["body"] };
};

const addPartner = (partner: string, name: string, endpoints: unknown[]) =>
  call("POST", "/v1/partners", { partner, name, locale: "fr", timeZone: "Asia/Tokyo", endpoints });

let events = 0;
const emit = (kind: string, data: object) => {
  events += 1;
  return call(
    "POST",
    "/v1/events",
    { specversion: "1.0", id: `e${events}`, source: "/closed", type: `forewarn.change.${kind}`, data },
    "application/cloudevents+json",
  );
};

before(async () => {
  const templates = join(await temporaryFolder(), "templates");
  await mkdir(templates);
  await writeFile(join(templates, "notice.text.liquid"), "Our own words: {{ title }}\n{{ own.page }}\n");
  const [databaseUrl, redis] = await Promise.all([freshDatabase(), privateRedis()]);
  [mailbox, receiver] = await Promise.all([startMailbox(), startReceiver()]);
  const spy = openRedis(redis.url, "worker");
  const monitor = await spy.monitor();
  monitor.on("monitor", (_time: string, args: string[]) => commands.push(args.join(" ")));
  atEnd(() => {
    monitor.disconnect();
    spy.disconnect();
  });
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    FOREWARN_DATA: await temporaryFolder(),
    FOREWARN_SECRET: SECRET,
    FOREWARN_ADMIN_KEY: ADMIN_KEY,
    FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8",
    FOREWARN_TEMPLATES: templates,
    SMTP_URL: mailbox.url,
    PORT: "0",
  });
  const everything = await startEverything(config, makeLog("info", { write: (line) => void logged.push(line) }));
  atEnd(() => everything.stop());
  ({ address } = everything);
});

test("nothing that an event or a partner says becomes a header, an address or markup, and nothing secret is logged or queued", async () => {
  assert.equal((await call("POST", "/v1/services", { service: "api", title: NASTY })).status, 201);
  const secrets: string[] = [];
  for (const partner of ["sound", "broken"]) {
    const { status } = await addPartner(partner, NASTY, [
      { channel: "email", address: `${partner}.mailbox@partner.example` },
    ]);
    assert.equal(status, 201);
    const { body } = await call("POST", `/v1/partners/${partner}/endpoints`, {
      channel: "webhook",
      address: receiver.url(`/hook-of-${partner}?token=t0ken-${partner}`),
    });
    secrets.push(String(body.secret));
  }
  mailbox.refuse({
    stage: "rcpt",
    address: /^broken/,
    answer: { code: 550, text: "5.1.1 <broken.mailbox@partner.example> is unknown" },
  });
  receiver.script("/hook-of-broken?token=t0ken-broken", { kind: "answer", status: 500, body: "t0ken-broken failed" });

  const change = {
    change: "CHG-1",
    category: "major",
    service: "api",
    title: NASTY,
    summary: NASTY_PROSE,
    details: NASTY_PROSE,
    action: NASTY_PROSE,
    affects: [NASTY],
    links: [{ rel: NASTY.slice(0, 64), href: `https://a.example/"><script>x</script>`, title: NASTY }],
    contact: NASTY,
    releaseAt: inDays(90),
  };
  assert.equal((await emit("created", change)).status, 202);
  const [first] = await mailbox.waitFor(1, { to: "sound.mailbox@partner.example" });
  await receiver.waitFor(2);
  assert.equal((await emit("updated", { change: "CHG-1", releaseAt: inDays(120), reason: NASTY })).status, 202);
  const [, second] = await mailbox.waitFor(2, { to: "sound.mailbox@partner.example" });

  for (const mail of [first, second]) {
    assert.ok(mail);
    assert.deepEqual(mail.to, ["sound.mailbox@partner.example"]);
    assert.deepEqual(
      mail.parsed.to?.map((one) => one.address),
      ["sound.mailbox@partner.example"],
    );
    assert.deepEqual([mail.parsed.cc, mail.parsed.bcc, mail.parsed.replyTo], [undefined, undefined, undefined]);
    const names = mail.parsed.headers.map((header) => header.key);
    assert.deepEqual(
      names.filter((name) => !HEADERS.has(name)),
      [],
      "no header of another's making",
    );
    assert.equal(new Set(names).size, names.length, "each header once");
    const html = (mail.parsed.html ?? "").toLowerCase();
    assert.doesNotMatch(html, /<script|<img|href="javascript|<[^>]+\sonerror=/);
    assert.match(html, /&lt;script/, "it is shown as it was written");
    assert.match(mail.parsed.text ?? "", /^Our own words: "><script>/, "the operator's own template");
    assert.ok(mail.parsed.text?.includes(`${address}/p/`), "a link to where the API listens");
  }
  const [page] = /\/p\/[\w.-]+/.exec(second?.parsed.text ?? "") ?? [];
  const shown = await (await fetch(`${address}${page}`)).text();
  assert.doesNotMatch(shown, /<script|<img|href="javascript|<[^>]+\sonerror=/i);
  assert.match(shown, /&lt;script/i);
  for (const { headers, body } of receiver.received) {
    assert.equal(headers["bcc"], undefined);
    assert.equal((JSON.parse(body.toString()) as { data: { change: { title: string } } }).data.change.title, NASTY);
  }

  await until(() => logged.filter((line) => line.includes('"chunk sent"')).length >= 4, { what: "all is logged" });
  const delayed = commands.filter((line) => line.includes("reminder")).length;
  assert.ok(logged.length > 10 && delayed > 0, "there is something to look at");
  const hidden = {
    "the admin key": ADMIN_KEY,
    "the secret": SECRET,
    "a webhook's secret": secrets[0]!,
    "another webhook's secret": secrets[1]!,
    "a partner's mailbox": ".mailbox@",
    "a webhook's path": "hook-of-",
    "a token in a webhook's address": "t0ken-",
    "a link to a partner's page": page!,
  };
  for (const [what, text] of Object.entries(hidden))
    for (const [where, lines] of Object.entries({ "the log": logged, Redis: commands }))
      assert.equal(
        lines.find((line) => line.includes(text)),
        undefined,
        `${where} holds ${what}`,
      );
});

/** All that our mails may have. */
const HEADERS = new Set(
  [
    "from to subject message-id date mime-version content-type content-transfer-encoding auto-submitted",
    "in-reply-to references list-unsubscribe list-unsubscribe-post forewarn-change forewarn-notice received",
  ].flatMap((names) => names.split(" ")),
);

test("an address that would be two, or a header, is refused by name", async () => {
  for (const given of [
    "a@partner.example, b@evil.example",
    "a@partner.example\r\nBcc: b@evil.example",
    "<a@partner.example>",
    "Evil <a@partner.example>",
    "a@partner.example>",
    "a@partner.example SIZE=1",
    '"a b"@partner.example',
    "group: a@partner.example;",
    "a@partner.example\u0000",
    "a@[127.0.0.1]",
    "a\u2028@partner.example",
  ]) {
    const { status, body } = await addPartner(`p${randomBytes(3).toString("hex")}`, "P", [
      { channel: "email", address: given },
    ]);
    assert.equal(status, 422, JSON.stringify(given));
    assert.deepEqual((body as unknown as { errors: { path: string }[] }).errors[0]?.path, "endpoints[0].address");
  }
  for (const name of ["Two\r\nBcc: b@evil.example", "Two\nlines", "\u2028", "half \ud800"])
    assert.equal((await addPartner("named", name, [])).status, 422, JSON.stringify(name));
});
