import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inDays } from "../support/days.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;
let page: string;
let home: string;

before(async () => {
  site = await startSite();
  await site.addService("users");
  await site.addPartner("acme", ["email", "webhook"]);
  await site.announce({ change: "CHG-1", category: "major", service: "users", title: "x", releaseAt: inDays(60) });
  page = site.pageOf("acme", "CHG-1");
  home = site.pageOf("acme", null);
});

type Shown = {
  status: number;
  retryAfter: string | null;
  type: string;
  language: string;
  heading: string;
  text: string;
};

const show = async (answer: Response): Promise<Shown & { back: string | null; html: string }> => {
  const html = await answer.text();
  const found = (pattern: RegExp): string => pattern.exec(html)?.[1] ?? "";
  const link = found(/<a href="([^"]+)">(?:Back to the page|Retour à la page)</);
  return {
    status: answer.status,
    retryAfter: answer.headers.get("retry-after"),
    type: answer.headers.get("content-type") ?? "",
    language: found(/<html lang="(\w+)"/),
    heading: found(/<h1>([^<]*)/),
    text: found(/<h1>[^<]*<\/h1>\s*<p>([^<]*)/),
    back: link === "" ? null : new URL(link).pathname,
    html,
  };
};

/** Runs `work` while every change of `table` fails as PostgreSQL says it with `sqlstate`. */
const failing = async <T>(table: string, sqlstate: string, work: () => Promise<T>): Promise<T> => {
  await site.sql.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '${sqlstate}'; END $$`,
  );
  await site.sql.query(
    `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`,
  );
  try {
    return await work();
  } finally {
    await site.sql.query("DROP FUNCTION refuse() CASCADE");
  }
};

const CANNOT_CONNECT_NOW = "57P03";
const INTERNAL_ERROR = "XX000";
const ready = { status: "ready", revision: "1" };

test("an answer that the ledger cannot take is refused as a page in the reader's language, with the way back", async () => {
  const [english, french, program] = await failing("acknowledgements", CANNOT_CONNECT_NOW, async () => [
    await show(await site.post(`${page}/acknowledgements`, ready)),
    await show(await site.post(`${page}/acknowledgements`, ready, { "accept-language": "fr-CA,en;q=0.5" })),
    await fetch(`${site.address}${page}/acknowledgements`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ status: "ready" }),
    }),
  ]);
  const { html, ...shown } = english;
  assert.deepEqual(shown, {
    status: 503,
    retryAfter: "5",
    type: "text/html; charset=utf-8",
    language: "en",
    heading: "Your answer could not be recorded.",
    text: "A part of our system does not answer at the moment. Please try again in a moment.",
    back: page,
  });
  assert.doesNotMatch(html, /ledger|problems\//, "no words for programs");
  assert.deepEqual(
    [french.status, french.language, french.heading, french.back],
    [503, "fr", "Votre réponse n’a pas pu être enregistrée.", page],
  );
  assert.equal(program.status, 503);
  assert.equal(program.headers.get("content-type"), "application/problem+json", "a program's answer stays JSON");
  assert.equal((await site.post(`${page}/acknowledgements`, ready)).status, 303, "it works when tried again");
});

test("a bug is told as ours, and shows nothing of itself", async () => {
  const shown = await failing("acknowledgements", INTERNAL_ERROR, async () =>
    show(await site.post(`${page}/acknowledgements`, { status: "seen" })),
  );
  assert.deepEqual(
    [shown.status, shown.retryAfter, shown.text, shown.back],
    [500, null, "The fault is ours, and it is in our log. Please try again in a moment.", page],
  );
});

test("what a form may not hold is said in plain words", async () => {
  const shown = await show(await site.post(`${page}/acknowledgements`, { ...ready, note: "x".repeat(2_001) }));
  assert.deepEqual([shown.status, shown.type, shown.back], [422, "text/html; charset=utf-8", page]);
  assert.match(shown.text, /^Something in it was too long/);
  const large = await show(await site.post(`${page}/acknowledgements`, { ...ready, note: "x".repeat(70_000) }));
  assert.deepEqual([large.status, large.text, large.back], [413, shown.text, page]);
});

test("a button of the home page for an endpoint that has gone leads back to the page, which no longer shows it", async () => {
  const html = await (await site.get(home)).text();
  const [, rotate = ""] = /action="([^"]*\/rotate)"/.exec(html) ?? [];
  await site.sql.query("DELETE FROM endpoints WHERE channel = 'webhook'");
  const shown = await show(await site.post(rotate));
  assert.deepEqual(
    [shown.status, shown.heading, shown.text, shown.back],
    [
      404,
      "That did not work",
      "What the button was for is no longer there. The page shows how things stand now.",
      home,
    ],
  );
  const [, test = ""] = /action="([^"]*\/test)"/.exec(html) ?? [];
  const mail = test.replace(/test$/, "rotate");
  const conflict = await show(await site.post(mail));
  assert.deepEqual([conflict.status, conflict.back], [409, home]);
});

test("an unsubscribing that the ledger cannot take leads back to the page that asks", async () => {
  const { rows } = await site.sql.query<{ no: number }>("SELECT no FROM endpoints WHERE channel = 'email'");
  const path = `/p/${site.parts.keyring.unsubscribeToken(rows[0]?.no ?? 0)}`;
  const shown = await failing("endpoints", CANNOT_CONNECT_NOW, async () =>
    show(await site.post(`${path}/unsubscribe`)),
  );
  assert.deepEqual([shown.status, shown.retryAfter, shown.back], [503, "5", `${path}/unsubscribe`]);
});

test("a form that is sent to the API by mistake is refused as any program is", async () => {
  const answer = await site.post("/v1/events", { x: "y" }, { authorization: "Bearer an-admin-key-of-this-test" });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [415, "application/problem+json"]);
});
