import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import type { Sql } from "../../src/ledger/connection.ts";
import type { Log } from "../../src/log.ts";

const sql = {
  query: () => assert.fail("nothing is stored"),
} as unknown as Sql;

const makeTell = () => {
  const warned: string[] = [];
  const log = { warn: ({ about }: { about: string }) => warned.push(about) } as unknown as Log;
  const tellProvider = makeTellProvider({ channels: [], log });
  const tell = (dedupe: string) =>
    tellProvider(sql, { kind: "short", dedupe, subject: "S", body: "B", change: "CHG-1", facts: {} });
  return { warned, tell };
};

test("without a contact the log names each fact once, however often it is looked at", async () => {
  const { warned, tell } = makeTell();
  for (const about of ["short.CHG-1", "short.CHG-2", "short.CHG-1"]) assert.equal(await tell(about), "nobody");
  assert.deepEqual(warned, ["short.CHG-1", "short.CHG-2"]);
});

test("what was said is not remembered for ever", async () => {
  const { warned, tell } = makeTell();
  await tell("first");
  await tell("first");
  for (let at = 1; at <= 10_000; at += 1) await tell(`silent.CHG-${at}`);
  await tell("first");
  assert.deepEqual([warned.at(0), warned.at(-1), warned.length], ["first", "first", 10_002]);
});
