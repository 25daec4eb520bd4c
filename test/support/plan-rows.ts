import type pg from "pg";
import type { Sql } from "../../src/ledger/connection.ts";

/** A node of a plan, as PostgreSQL tells of it once it has run. */
export type PlanNode = {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Join Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: PlanNode[];
};

/** The node and all that are below it. */
export const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** The rows that a node itself looked at: those that it gave on, and those that it left out. */
export const rowsLookedAt = (node: PlanNode): number =>
  (node["Actual Rows"] +
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0)) *
  node["Actual Loops"];

type Statement = { name?: string | undefined; text: string; values: unknown[] };
type Explained = { text: string; values?: unknown[] };

/**
 * Runs statements by `sql` for their plans, which gather in `plans`; whoever asks gets no rows. `wordsOf` says what is
 * explained instead of a statement's own text.
 */
export const explaining = (
  sql: Sql,
  wordsOf: (statement: Statement) => Explained = (statement) => statement,
): { sql: Sql; plans: PlanNode[] } => {
  const plans: PlanNode[] = [];
  const query = async (given: string | pg.QueryConfig, values: unknown[] = []) => {
    const { text, values: own } = wordsOf(typeof given === "string" ? { text: given, values } : { values, ...given });
    const { rows } = await sql.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) ${text}`,
      own,
    );
    plans.push(...rows.map((row) => row["QUERY PLAN"][0].Plan));
    return { rows: [], rowCount: 0 };
  };
  return { sql: { query } as unknown as Sql, plans };
};

/** The plan of each statement of `run`, which is taken back when it has run. */
export const plansOf = async (pool: pg.Pool, run: (sql: Sql) => Promise<unknown>): Promise<PlanNode[]> => {
  const client = await pool.connect();
  const { sql, plans } = explaining(client);
  try {
    await client.query("BEGIN");
    await run(sql);
    return plans;
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
};
