import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openApi, type TestApi } from "../support/api.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { tokensExpire } from "../support/tokens-expire.ts";

let pipeline: Pipeline;
let api: TestApi;

const call = async <T>(...given: Parameters<TestApi["call"]>): Promise<T> => {
  const answer = await api.call(...given);
  assert.ok(answer.statusCode < 300, `${given[1]}: ${answer.body}`);
  return answer.body === "" ? (undefined as T) : answer.json<T>();
};

type Created = { endpoints: { endpoint: string }[] };

/** A partner with a mail address of each role given; answers its endpoints' ids. */
const join = async (partner: string, roles: readonly string[], subscriptions = ["*"]): Promise<string[]> => {
  const endpoints = roles.map((role, at) => ({ channel: "email", address: `${partner}${at}@partner.example`, role }));
  const body = { partner, name: partner, locale: "en", timeZone: "UTC", subscriptions, endpoints };
  const created = await call<Created>("POST", "/v1/partners", { body });
  return created.endpoints.map(({ endpoint }) => endpoint);
};
const disable = (endpoint: string | undefined): Promise<unknown> =>
  call("PATCH", `/v1/endpoints/${endpoint}`, { body: { status: "disabled" } });

const gauge = async (): Promise<number> => {
  const { body } = await api.call("GET", "/metrics", { key: null });
  return Number(/^forewarn_partners_unreachable (\d+)$/m.exec(body)?.[1]);
};
const shown = async (change: string): Promise<string[]> => {
  const { unreachable } = await call<{ unreachable: { count: number; partners: string[] } }>(
    "GET",
    `/v1/changes/${change}`,
  );
  assert.equal(unreachable.count, unreachable.partners.length);
  return unreachable.partners;
};
const proved = async (change: string): Promise<string[]> => {
  const { partners } = await call<{ partners: { partner: string; unreachable?: true }[] }>(
    "GET",
    `/v1/changes/${change}/proof`,
  );
  return partners.filter(({ unreachable }) => unreachable).map(({ partner }) => partner);
};

before(async () => {
  pipeline = await startPipeline();
  api = await openApi({ ledger: pipeline.parts.ledger });
  await pipeline.addService("payments");
  await pipeline.addService("search");
});

test("partners whom no endpoint reaches are in the metrics, and in the change just as in its proof", async () => {
  assert.equal(await gauge(), 0);
  await join("fine", ["primary"]);
  const [, second] = await join("half", ["primary", "primary"]);
  const dead = await join("dead", ["primary", "primary"]);
  await join("no-primary", ["escalation"]);
  await join("never", []);
  await join("elsewhere", [], ["search"]);
  const [moved] = await join("unsubscribed", ["primary"]);
  const [erased] = await join("erased", ["primary"]);
  await join("departed", ["primary"]);
  await pipeline.announce(tokensExpire());
  await pipeline.quiet();
  const first = ["never", "no-primary"];
  assert.deepEqual([await shown("CHG-1"), await gauge()], [first, first.length]);

  await call("POST", "/v1/partners/import", {
    type: "application/x-ndjson",
    body: [
      { partner: "imported", name: "I", endpoints: [{ channel: "email", address: "i@partner.example" }] },
      { partner: "imported-bare", name: "I", endpoints: [] },
    ]
      .map((row) => JSON.stringify(row))
      .join("\n"),
  });
  await Promise.all([second, ...dead, moved].map(disable));
  await call("PATCH", "/v1/partners/unsubscribed", { body: { subscriptions: ["search"] } });
  await call("DELETE", `/v1/endpoints/${erased}`);
  await call("DELETE", "/v1/partners/departed");
  await pipeline.quiet();
  const now = ["dead", "erased", "imported-bare", "never", "no-primary", "unsubscribed"];
  assert.deepEqual(await proved("CHG-1"), now);
  assert.deepEqual(await shown("CHG-1"), now, "who was told of it counts, though no longer subscribed");
  assert.equal(await gauge(), now.length - 1, "for the metrics they are none of its business any more");

  await call("POST", "/v1/partners/never/endpoints", { body: { channel: "email", address: "n@partner.example" } });
  await call("POST", `/v1/endpoints/${dead[0]}/enable`);
  assert.deepEqual(
    await shown("CHG-1"),
    now.filter((partner) => partner !== "never" && partner !== "dead"),
  );
  await pipeline.say("cancelled", { change: "CHG-1", reason: "Not needed" });
  assert.equal(await gauge(), 0, "nobody is to be told of what is not open");
});
