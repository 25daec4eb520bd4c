import pg from "pg";
import type { Lane } from "../domain/category.ts";
import type { Log } from "../log.ts";

/** Anything that runs SQL: a pool, or one connection inside a transaction. */
export type Sql = {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    statement: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<Row>>;
};

/** The PostgreSQL ledger: connections are reserved per lane, so that a routine backlog never delays an urgent statement. */
export type Ledger = {
  pools: Record<Lane, pg.Pool>;
  close(): Promise<void>;
};

const CONNECTIONS: Record<Lane, number> = { urgent: 4, routine: 8 };

const INT8 = 20;
const DATE = 1082;
/** int8 as number (ids stay far under 2^53), dates as `YYYY-MM-DD` strings: a day is not an instant. */
const typeParsers = new pg.TypeOverrides();
typeParsers.setTypeParser(INT8, Number);
typeParsers.setTypeParser(DATE, String);

type Options = {
  connections?: Record<Lane, number>;
  /**
   * A statement without an answer after so long is given up, with its connection: for those whom somebody waits for.
   * Without it a statement may take its time, and only a link that is dead ends it.
   */
  patienceMs?: number;
  /** The lane whose statements have filters that may be absent, and so are planned by what is asked for. */
  filtered?: Lane;
};

/**
 * Opens the pools; connections are made on first use.
 *
 * Planning is told to prefer indexes: right after a fan-out the planner's statistics still say "empty table", and a
 * settlement that scans every delivery of the notice is ten times slower (docs/adr/0001). A process that is
 * paused inside a transaction would hold its locks for as long as it sleeps, so the server ends that session.
 *
 * A statement's plan is kept, whatever its values: left the choice, PostgreSQL takes a plan for a newer change than its
 * statistics know of for a cheaper one, and from the first ANALYZE on plans again for each event (docs/performance.md).
 */
export const openLedger = (
  url: string,
  log: Log,
  { connections = CONNECTIONS, patienceMs, filtered }: Options = {},
): Ledger => {
  const open = (lane: Lane): pg.Pool => {
    const pool = new pg.Pool({
      connectionString: url,
      max: connections[lane],
      types: typeParsers,
      connectionTimeoutMillis: 5_000,
      ...(patienceMs === undefined ? {} : { query_timeout: patienceMs }),
      // Statements that are not awaited one by one travel together: each round trip costs both sides some 100 µs of CPU.
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: `forewarn-${lane}`,
      options: `-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c timezone=UTC \
-c plan_cache_mode=${lane === filtered ? "auto" : "force_generic_plan"} -c idle_in_transaction_session_timeout=10s`,
    });
    // While a connection is lent the pool does not listen: the statement that runs rejects, and this keeps the process.
    pool.on("connect", (client) => client.on("error", () => undefined));
    pool.on("error", (error) => log.debug({ err: error, lane }, "a ledger connection was lost"));
    return pool;
  };
  const pools = { urgent: open("urgent"), routine: open("routine") };
  return {
    pools,
    close: async () => {
      await Promise.all([pools.urgent.end(), pools.routine.end()]);
    },
  };
};

const ANSWER_MS = 5_000;

/** Resolves when both pools answer; rejects when one does not within a bounded time. */
export const askLedger = async ({ pools }: Ledger): Promise<void> => {
  const question: pg.QueryConfig & { query_timeout: number } = { text: "SELECT 1", query_timeout: ANSWER_MS };
  await Promise.all([pools.urgent.query(question), pools.routine.query(question)]);
};

/** pg's words for a statement that ran out of patience. */
const isUnanswered = (error: unknown): boolean => error instanceof Error && error.message === "Query read timeout";

/** A statement of a transaction's end: sent now, with COMMIT right behind it; its result is there once that came through. */
export type Last = <T>(statement: Promise<T>) => Promise<T>;

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it throws.
 *
 * BEGIN travels with the first statements of `work`, and COMMIT with what it gave to `last`: a transaction that reads and
 * then writes takes two round trips, not four. Where one of those last fails PostgreSQL makes a ROLLBACK of the COMMIT.
 */
export const inTransaction = async <T>(pool: pg.Pool, work: (sql: Sql, last: Last) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  const unawaited: Promise<unknown>[] = [];
  const last: Last = (statement) => {
    statement.catch(() => undefined);
    unawaited.push(statement);
    return statement;
  };
  let unbegun: unknown = null;
  // Answers come in the order of the statements, so this is known before `work` goes on after its first one.
  const sql: Sql = {
    query: (text, values) => (unbegun === null ? client.query(text, values) : Promise.reject(unbegun)),
  };
  try {
    const begun = client.query("BEGIN").catch((error: unknown) => {
      unbegun = error;
      throw error;
    });
    const [, result] = await Promise.all([begun, work(sql, last)]);
    await Promise.all([...unawaited, client.query("COMMIT")]);
    client.release();
    return result;
  } catch (error) {
    // A connection whose ROLLBACK fails, or would wait for an answer as well, is of no more use: release(true) ends it.
    const broken =
      unbegun !== null ||
      isUnanswered(error) ||
      (await client.query("ROLLBACK").then(
        () => false,
        () => true,
      ));
    client.release(broken);
    throw error;
  }
};

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && Reflect.get(error, "code") === code;

/** Whether a statement failed because there is such a row already (PostgreSQL's 23505). */
export const isUniqueViolation = (error: unknown): boolean => hasCode(error, "23505");

/** Whether a statement failed because it was to wait no longer for a lock (PostgreSQL's 55P03). */
export const isLockTimeout = (error: unknown): boolean => hasCode(error, "55P03");
