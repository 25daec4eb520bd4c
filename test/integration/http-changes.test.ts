import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { addDays, formatISO } from "date-fns";
import { openApi } from "../support/api.ts";
import { startPipeline } from "../support/pipeline.ts";

type Json = Record<string, unknown>;

/** The document's own schema with every reference put in its place. */
const inlined = (document: { components: { schemas: Json } }, schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map((part) => inlined(document, part));
  if (schema === null || typeof schema !== "object") return schema;
  const { $ref } = schema as { $ref?: string };
  if ($ref !== undefined) return inlined(document, document.components.schemas[$ref.replace(/^.*\//, "")]);
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inlined(document, value)]));
};

/** OpenAPI 3.0's `nullable`, as JSON Schema says it. */
const modern = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(modern);
  if (schema === null || typeof schema !== "object") return schema;
  const { nullable, ...rest } = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, modern(value)]));
  return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
};

/** INTERFACE.md: the calls of this version, whatever is documented besides. */
const CALLS = `
  post /v1/events
  get /v1/events
  get /v1/changes
  get /v1/changes/{change}
  get /v1/changes/{change}/notices
  get /v1/changes/{change}/deliveries
  post /v1/changes/{change}/pause
  post /v1/changes/{change}/resume
  post /v1/pause
  post /v1/resume
  get /v1/services
  post /v1/services
  put /v1/services/{service}
  delete /v1/services/{service}
  get /v1/partners
  post /v1/partners
  get /v1/partners/{partner}
  patch /v1/partners/{partner}
  delete /v1/partners/{partner}
  post /v1/partners/import
  get /v1/changes/{change}/proof
  get /v1/changes/{change}/proof.csv
  get /v1/changes/{change}/proof.html
  get /v1/changes/{change}/acknowledgements
  post /v1/changes/{change}/acknowledgements
  get /v1/changes/{change}/waivers
  post /v1/changes/{change}/waivers
  get /v1/seals
  get /v1/seals/verify
  post /v1/bounces
  get /v1/partners/{partner}/links
  post /v1/partners/{partner}/links/revoke
  get /v1/partners/{partner}/endpoints
  post /v1/partners/{partner}/endpoints
  patch /v1/endpoints/{endpoint}
  delete /v1/endpoints/{endpoint}
  post /v1/endpoints/{endpoint}/rotate
  post /v1/endpoints/{endpoint}/test
  post /v1/endpoints/{endpoint}/enable
  post /v1/endpoints/{endpoint}/replay
  get /v1/deliveries/{delivery}
  post /v1/deliveries/{delivery}/replay
  post /v1/drill
  get /v1/keys
  post /v1/keys
  delete /v1/keys/{key}
  get /healthz
  get /readyz
  get /metrics`
  .trim()
  .split(/\s*\n\s*/);

const sent = { waiting: 0, sent: 1, failed: 0, suppressed: 0, skipped: 0 };
const none = { ...sent, sent: 0 };

test("a change is shown with what was planned and sent, as the documentation says, and on the partner's own page", async () => {
  const pipeline = await startPipeline();
  const { parts } = pipeline;
  const api = await openApi({ ledger: parts.ledger, keyring: parts.keyring, acceptEvent: pipeline.accept });
  await pipeline.addService("billing", true);
  await pipeline.addPartner("acme", ["email", "webhook"], { locale: "fr", timeZone: "Europe/Paris" });
  await pipeline.addPartner("beta", ["webhook"]);
  const releaseAt = formatISO(addDays(new Date(), 200), { representation: "date" });
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "billing",
    title: "Old <tokens> end",
    summary: "They stop.",
    details: "Use **v2** <script>alert(1)</script>",
    action: "Move to v2",
    releaseAt,
  });
  await pipeline.quiet();
  await pipeline.announce({ change: "CHG-2", category: "normal", service: "billing", title: "A colour" });

  const change = (await api.call("GET", "/v1/changes/CHG-1")).json();
  assert.deepEqual(
    [change.revision, change.status, change.category, change.businessCritical, change.releaseAt, change.verdict.status],
    [1, "announced", "major", true, releaseAt, "met"],
  );
  assert.equal(change.verdict.minimum, "P3M");
  assert.deepEqual(
    change.revisions.map((it: Json) => [it["revision"], it["type"], it["differs"]]),
    [[1, "forewarn.change.created", {}]],
  );
  const [announcement] = change.notices.filter((it: Json) => it["kind"] === "announcement");
  assert.deepEqual(announcement.counts, { email: sent, webhook: { ...none, sent: 2 } });
  assert.deepEqual(change.notices.map((it: Json) => it["offset"]).sort(), [
    "-P14D",
    "-P1D",
    "-P1M",
    "-P2M",
    "-P3M",
    "-P7D",
    null,
  ]);

  const list = (await api.call("GET", "/v1/changes?category=major")).json();
  assert.deepEqual(
    list.items.map((it: Json) => it["change"]),
    ["CHG-1"],
  );
  assert.equal((await api.call("GET", "/v1/changes?status=recorded&service=billing")).json().items[0].change, "CHG-2");
  assert.equal((await api.call("GET", "/v1/changes?status=nonsense")).statusCode, 422);

  const deliveries = async (query: string) => (await api.call("GET", `/v1/changes/CHG-1/deliveries?${query}`)).json();
  const all = (await deliveries("")).items;
  assert.deepEqual(all.map((it: Json) => [it["partner"], it["channel"], it["status"], it["attempts"]]).sort(), [
    ["acme", "email", "sent", 1],
    ["acme", "webhook", "sent", 1],
    ["beta", "webhook", "sent", 1],
  ]);
  const first = await deliveries("limit=2");
  const rest = await deliveries(`limit=2&cursor=${first.next}`);
  assert.deepEqual([...first.items, ...rest.items], all);
  assert.equal(rest.next, null);
  assert.equal((await deliveries("partner=acme")).items.length, 2);
  assert.equal((await deliveries("partner=acme&channel=webhook&status=sent")).items.length, 1);
  assert.equal((await deliveries("status=failed")).items.length, 0);
  assert.equal((await deliveries("partner=nobody")).items.length, 0);
  const one = (await api.call("GET", `/v1/deliveries/${all[0].delivery}`)).json();
  assert.equal(one.attempts.length, 1);
  assert.ok([200, 250].includes(one.attempts[0].code));
  for (const absent of ["nosuch", "CHG-1.r1.announcement", "CHG-1.r1.announcement.ep_999", "x.ep_1"])
    assert.equal((await api.call("GET", `/v1/deliveries/${absent}`)).statusCode, 404, absent);

  const paused = (await api.call("POST", "/v1/changes/CHG-1/pause")).json();
  assert.equal((await api.call("GET", "/v1/changes/CHG-1")).json().pausedAt, paused.pausedAt);
  assert.equal((await api.call("POST", "/v1/changes/CHG-1/resume")).json().paused, false);
  assert.equal((await api.call("DELETE", "/v1/services/billing")).statusCode, 409);
  assert.match((await api.call("GET", "/metrics")).body, /^forewarn_notices_planned\{lane="routine"\} [1-9]/m);

  const document = (await api.call("GET", "/openapi.json", { key: null })).json();
  const documented = Object.entries(document.paths as Record<string, Json>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(
    CALLS.filter((call) => !documented.includes(call)),
    [],
  );
  assert.deepEqual(
    documented.filter((call) => !CALLS.includes(call)),
    ["get /v1/pause"],
  );
  const answers: [string, string][] = [
    ["/v1/changes", "/v1/changes"],
    ["/v1/changes/{change}", "/v1/changes/CHG-1"],
    ["/v1/changes/{change}/notices", "/v1/changes/CHG-1/notices"],
    ["/v1/changes/{change}/deliveries", "/v1/changes/CHG-1/deliveries"],
    ["/v1/deliveries/{delivery}", `/v1/deliveries/${all[0].delivery}`],
    ["/v1/partners", "/v1/partners"],
    ["/v1/partners/{partner}", "/v1/partners/acme"],
    ["/v1/services", "/v1/services"],
    ["/v1/keys", "/v1/keys"],
    ["/v1/events", "/v1/events"],
    ["/readyz", "/readyz"],
  ];
  for (const [path, url] of answers) {
    const { schema } = document.paths[path].get.responses["200"].content["application/json"];
    const reader = z.fromJSONSchema(modern(inlined(document, schema)) as Parameters<typeof z.fromJSONSchema>[0]);
    const reply = (await api.call("GET", url)).json();
    const read = reader.safeParse(reply);
    assert.ok(read.success, `${url}: ${read.error?.message}`);
    // Proof that the reader reads: an answer without its first field is refused.
    const [name] = Object.keys(reply);
    const { [name as string]: _gone, ...less } = reply;
    assert.ok(!reader.safeParse(less).success, `${url} may lack ${name}`);
  }

  const page = await api.call("GET", `/p/${parts.keyring.pageToken("acme", "CHG-1")}`, { key: null });
  assert.equal(page.statusCode, 200);
  assert.match(
    String(page.headers["content-security-policy"]),
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'/,
  );
  assert.equal(page.headers["referrer-policy"], "no-referrer");
  assert.match(page.body, /<html lang="fr">/);
  assert.match(page.body, /<h1>Old &lt;tokens&gt; end<\/h1>/);
  assert.match(page.body, /Use <strong>v2<\/strong>/);
  assert.match(page.body, /envoyé/);
  assert.match(page.body, /Rappel, 3\smois avant/);
  assert.ok(!page.body.includes("<script"), "no script");
  assert.ok(!/ style="/.test(page.body), "no style that the policy would refuse");
  for (const wrong of [
    "x",
    "x.y",
    `${parts.keyring.pageToken("acme", "CHG-1")}x`,
    parts.keyring.pageToken("acme", "CHG-9"),
    parts.keyring.pageToken("nobody", "CHG-1"),
  ]) {
    const missing = await api.call("GET", `/p/${wrong}`, { key: null });
    assert.equal(missing.statusCode, 404);
    assert.match(String(missing.headers["content-type"]), /^text\/html/);
  }
  await api.call("DELETE", "/v1/partners/acme");
  assert.equal((await api.call("GET", `/p/${parts.keyring.pageToken("acme", "CHG-1")}`)).statusCode, 404);
  const kept = (await deliveries("partner=acme")).items;
  assert.equal(kept.length, 2, "what was delivered stays");
});
