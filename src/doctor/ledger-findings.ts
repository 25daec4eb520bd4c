import pg from "pg";
import { wordsOf } from "../errors.ts";
import type { Sql } from "../ledger/connection.ts";
import { schemaStanding } from "../ledger/migrate.ts";
import { counted } from "../counted.ts";
import { countHeld, findPauses, MOST_HELD } from "../ledger/installation.ts";
import { countOverdue, type Overdue, overdueWords } from "../ledger/overdue.ts";
import { failingAlerts } from "../ledger/provider-alerts.ts";
import { broken, doubtful, type Finding, good } from "./finding.ts";

const PATIENCE_MS = 3_000;
/** Reminders, leases and signatures are dated by different clocks; receivers refuse signatures five minutes off. */
const SKEW_MS = { doubtful: 2_000, broken: 60_000 };

/** Paused changes that are named. */
const NAMED = 5;

const SCHEMA: Record<Awaited<ReturnType<typeof schemaStanding>>, Finding> = {
  current: good("schema", "is this program's"),
  absent: doubtful("schema", "is not there yet", "start Forewarn: it makes the schema"),
  older: doubtful("schema", "is older than this program", "restart Forewarn: the start brings it up to date"),
  newer: broken("schema", "is newer than this program", "start the version that migrated it, or a later one"),
};

/** How far the two clocks are apart, from one answer of the database and the times around it. */
export const skewFinding = (skewMs: number): Finding => {
  const seconds = `${Math.abs(skewMs / 1_000).toFixed(1)} s ${skewMs > 0 ? "behind" : "ahead of"} the database's`;
  const remedy = "run a time service (chrony, systemd-timesyncd) on both hosts";
  if (Math.abs(skewMs) >= SKEW_MS.broken) return broken("clock", `this host's clock is ${seconds}`, remedy);
  if (Math.abs(skewMs) >= SKEW_MS.doubtful) return doubtful("clock", `this host's clock is ${seconds}`, remedy);
  return good("clock", `this host and the database agree to ${Math.max(1, Math.abs(Math.round(skewMs)))} ms`);
};

const clock = async (sql: Sql): Promise<Finding> => {
  const asked = Date.now();
  const { rows } = await sql.query<{ now: number }>(
    "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now",
  );
  return skewFinding((rows[0]?.now ?? asked) - (asked + Date.now()) / 2);
};

/** What is late, in two parts: what the scheduler has not moved on, and chunks whose sender is gone. */
export const overdueFindings = ({ chunks, ...rest }: Overdue): Finding[] => {
  const late = overdueWords({ ...rest, chunks: 0 });
  return [
    late === null
      ? good("due notices", "nothing is overdue")
      : broken(
          "due notices",
          late.split(";")[0] ?? late,
          "see that a scheduler runs (npm run worker:scheduler), and its log",
        ),
    chunks === 0
      ? good("chunks", "none is without its sender")
      : broken(
          "chunks",
          `${chunks} lost their sender a minute or more ago`,
          "see that a scheduler runs: it gives them to another sender",
        ),
  ];
};

/** What is held although it could go out: a forgotten pause looks like peace in every other part. */
const pauseFindings = async (sql: Sql): Promise<Finding[]> => {
  const part = "sending";
  const { pausedAt, changes } = await findPauses(sql);
  if (pausedAt === null && changes.length === 0) return [good(part, "nothing is paused")];
  const held = await countHeld(sql);
  const wait =
    held === MOST_HELD ? `${held} or more deliveries wait` : counted(held, "delivery waits", "deliveries wait");
  const found = changes.slice(0, NAMED).map(({ change, pausedAt: since }) => `${change} since ${since.toISOString()}`);
  const more = changes.length > NAMED ? `, and ${changes.length - NAMED} more` : "";
  const all = `all is paused since ${pausedAt?.toISOString()}, emergencies too: ${wait}`;
  const some = `paused: ${found.join(", ")}${more}${pausedAt === null ? `: ${wait}` : ""}`;
  return [
    ...(pausedAt === null ? [] : [doubtful(part, all, "run: forewarn resume")]),
    ...(found.length === 0 ? [] : [doubtful(part, some, "run: forewarn resume CHANGE")]),
  ];
};

/** What the provider's own contact could not be told, with the last fault. */
const alertsFinding = async (sql: Sql): Promise<Finding> => {
  const { count, fault } = await failingAlerts(sql);
  return count === 0
    ? good("own alerts", "none fails")
    : broken(
        "own alerts",
        `${count} could not be told to your contact: ${fault}`,
        "check FOREWARN_CONTACT and FOREWARN_CONTACT_WEBHOOK; they are repeated each hour",
      );
};

/** PostgreSQL and what is in it. Where it cannot be reached there is one finding, for nothing else can be known. */
export const ledgerFindings = async (url: string): Promise<Finding[]> => {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    return [broken("postgres", `cannot be reached: ${wordsOf(error)}`, "see that it runs, and check DATABASE_URL")];
  }
  try {
    const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version') AS version");
    const standing = await schemaStanding(client);
    const found = [good("postgres", `${rows[0]?.version ?? ""} answers`), SCHEMA[standing], await clock(client)];
    if (standing !== "current") return found;
    return [
      ...found,
      ...(await pauseFindings(client)),
      ...overdueFindings(await countOverdue(client)),
      await alertsFinding(client),
    ];
  } finally {
    await client.end();
  }
};
