import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, readConfig } from "../../src/config.ts";
import { zoneName } from "../../src/domain/calendar.ts";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { welcomeEndpoints } from "../../src/ledger/late.ts";
import { ownHours } from "../../src/ledger/own-hours.ts";
import { UNKNOWN_ZONE } from "../../src/ledger/zones.ts";
import { connect } from "../../src/processes/connect.ts";
import { openApi } from "../support/api.ts";
import { inDays } from "../support/days.ts";
import { startPipeline } from "../support/pipeline.ts";
import { freshDatabase, freshLedger, freshRedis, quietLog, temporaryFolder } from "../support/servers.ts";

/** Intl knows it and PostgreSQL does not, as any name that is newer than the server's time zone data. */
const UNKNOWN = "US/Pacific-New";

/** What Intl takes beside the names that it lists: PostgreSQL knows some, and takes others for something else. */
const ABBREVIATIONS =
  "ACT AET AGT ART AST BET BST CAT CET CNT CST CST6CDT CTT EAT ECT EET EST EST5EDT GB GMT GMT0 HST IET IST JST MET MIT MST NET NST NZ PLT PNT PRC PRT PST ROK SST UCT UTC VST WET Zulu";

test("what is kept of every zone that Intl knows is one that PostgreSQL reads as Intl does", async () => {
  const { ledger } = await freshLedger();
  const given = [...Intl.supportedValuesOf("timeZone"), ...ABBREVIATIONS.split(" "), "Europe/Kyiv", "Asia/Kolkata"];
  const names = [...new Set(given.flatMap((zone) => zoneName(zone) ?? []))];
  assert.ok(names.length > 400);
  for (const at of ["2025-01-15T12:00:00Z", "2025-07-15T12:00:00Z"]) {
    const { rows } = await ledger.pools.routine.query<{ zone: string; shows: string }>(
      `SELECT zone, to_char($2::timestamptz AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI') AS shows FROM unnest($1::text[]) AS zone`,
      [names, at],
    );
    const inIntl = (timeZone: string): string =>
      new Date(at).toLocaleString("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
    assert.deepEqual(
      rows.filter(({ zone, shows }) => shows !== inIntl(zone)),
      [],
    );
  }
});

test("a partner's zone is answered as it was sent, an abbreviation as its region, and what PostgreSQL does not know is refused", async () => {
  const api = await openApi();
  const add = (partner: string, timeZone: string) =>
    api.call("POST", "/v1/partners", { body: { partner, name: "P", timeZone } });
  for (const [partner, sent, kept] of [
    ["a", "Asia/Kolkata", "Asia/Kolkata"],
    ["b", "UTC", "UTC"],
    ["c", "AET", "Australia/Sydney"],
  ] as const)
    assert.equal((await add(partner, sent)).json().timeZone, kept);
  const moved = await api.call("PATCH", "/v1/partners/a", { body: { timeZone: "IST" } });
  assert.equal(moved.json().timeZone, "Asia/Calcutta");
  for (const refused of [
    await add("d", UNKNOWN),
    await api.call("PATCH", "/v1/partners/b", { body: { timeZone: UNKNOWN } }),
  ]) {
    assert.equal(refused.statusCode, 422);
    assert.deepEqual(refused.json().errors, [{ path: "timeZone", message: UNKNOWN_ZONE }]);
  }
  const { rows } = await api.ledger.pools.routine.query("SELECT partner, time_zone FROM partners ORDER BY partner");
  assert.deepEqual(rows, [
    { partner: "a", time_zone: "Asia/Calcutta" },
    { partner: "b", time_zone: "UTC" },
    { partner: "c", time_zone: "Australia/Sydney" },
  ]);
});

test("an import keeps an abbreviation as its region, and names each line whose zone PostgreSQL does not know", async () => {
  const api = await openApi();
  const importing = (...rows: string[]) =>
    api.call("POST", "/v1/partners/import", { type: "text/csv", body: `partner,name,timeZone\n${rows.join("\n")}\n` });
  const refused = await importing("a,A,CET", `b,B,${UNKNOWN}`, "c,C,", `d,D,${UNKNOWN}`);
  assert.equal(refused.statusCode, 422);
  assert.deepEqual(refused.json().errors, [
    { line: 3, path: "line 3: timeZone", message: UNKNOWN_ZONE },
    { line: 5, path: "line 5: timeZone", message: UNKNOWN_ZONE },
  ]);
  assert.equal((await importing("a,A,CET", "c,C,")).statusCode, 200);
  const { rows } = await api.ledger.pools.routine.query("SELECT time_zone FROM partners ORDER BY partner");
  assert.deepEqual(rows, [{ time_zone: "Europe/Brussels" }, { time_zone: "UTC" }]);
});

test("no process starts with a policy whose zone PostgreSQL does not know", async () => {
  const policyFile = join(await temporaryFolder(), "policy.json");
  await writeFile(policyFile, JSON.stringify({ timeZone: UNKNOWN }));
  const [databaseUrl, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  const config = { ...readConfig({}), databaseUrl, redisUrl: redis.url, secret: "s".repeat(32), policyFile };
  await assert.rejects(connect(config, quietLog, redis.prefix), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(error.faults, [{ path: `FOREWARN_POLICY ${policyFile}: timeZone`, message: UNKNOWN_ZONE }]);
    return true;
  });
});

test("a zone in the ledger that PostgreSQL knows no more is read as UTC, and holds up nobody's reminder or welcome", async () => {
  const pipeline = await startPipeline({ running: false });
  const { sql, parts } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartner("paris", ["webhook"]);
  await pipeline.addPartner("odd", ["webhook"], { timeZone: UNKNOWN });
  await pipeline.addPartner("utc", ["webhook"], { timeZone: "UTC" });
  await sql.query("UPDATE endpoints SET unwelcomed = false");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "x",
    releaseAt: inDays(60),
  });
  await sql.query(`UPDATE policies SET policy = jsonb_set(policy, '{timeZone}', '"${UNKNOWN}"')`);
  const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog });
  await fanOutNotice({ notice: "CHG-1.r1.announcement" });
  await sql.query("UPDATE notices SET fan_out_at = now() WHERE \"offset\" = '-P14D'");
  assert.equal((await fanOutNotice({ notice: "CHG-1.r1.reminder-P14D" })).kind, "done");
  const dueOf = async (): Promise<(Date | undefined)[]> => {
    const { rows } = await sql.query<{ partner: string; due: Date }>(
      `SELECT e.partner, d.due_at AS due FROM deliveries d JOIN endpoints e ON e.no = d.endpoint
       JOIN notices n ON n.no = d.notice WHERE n."offset" = '-P14D'`,
    );
    return ["odd", "utc", "paris"].map((partner) => rows.find((row) => row.partner === partner)?.due);
  };
  const [odd, utc, paris] = await dueOf();
  assert.ok(odd && paris && odd > paris);
  assert.deepEqual(odd, utc);
  await sql.query("DELETE FROM deliveries");
  await sql.query("UPDATE endpoints SET unwelcomed = true");
  assert.deepEqual(await welcomeEndpoints(sql), { endpoints: 3, deliveries: 6 });
  assert.deepEqual(await dueOf(), [odd, utc, paris]);
  const { rows } = await sql.query<{ no: number }>("SELECT no FROM notices WHERE \"offset\" = '-P14D'");
  assert.deepEqual((await ownHours(sql, "CHG-1", "odd")).get(rows[0]?.no ?? 0), odd);
});
