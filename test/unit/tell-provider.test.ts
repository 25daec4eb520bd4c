import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import type { Sql } from "../../src/ledger/connection.ts";
import type { Log } from "../../src/log.ts";

const sql = {
  query: () => assert.fail("nothing is stored"),
} as unknown as Sql;

test("without a contact the log names each fact once, however often it is looked at", async () => {
  const warned: string[] = [];
  const log = { warn: ({ about }: { about: string }) => warned.push(about) } as unknown as Log;
  const tell = makeTellProvider({ channels: [], log });
  for (const dedupe of ["short.CHG-1", "short.CHG-2", "short.CHG-1"])
    assert.equal(
      await tell(sql, { kind: "short", dedupe, subject: "S", body: "B", change: "CHG-1", facts: {} }),
      "nobody",
    );
  assert.deepEqual(warned, ["short.CHG-1", "short.CHG-2"]);
});
