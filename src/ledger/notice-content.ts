import type { Change, Difference } from "../domain/change.ts";
import { endpointId } from "../domain/delivery.ts";
import type { NoticeKind } from "../domain/notice.ts";
import type { IsoDuration } from "../domain/duration.ts";
import type { Policy } from "../domain/policy.ts";
import type { Lane } from "../domain/category.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { NoticeContent } from "../senders/sender.ts";
import { entrySequence } from "./calendar-entries.ts";
import type { Sql } from "./connection.ts";
import { lookUp, membersOf } from "./look-up.ts";

/** What is fresh of a notice when one of its chunks is sent. */
export type NoticeState = {
  no: number;
  isReminder: boolean;
  noticeEnded: boolean;
  overtaken: boolean;
  held: boolean;
};

/** Each notice `n` of `nos`, a query that gives their numbers. */
const noticesOf = (nos: string): string =>
  `(${nos}) AS wanted (no) CROSS JOIN ${lookUp("notices", "no = wanted.no")} AS n`;
const THESE = membersOf("$1::int8[]");
/** Those of chunk $1 that have something to send. */
const OF_CHUNK = `SELECT notice FROM deliveries WHERE chunk = $1 AND status = 'waiting'
                  UNION SELECT notice FROM replays WHERE chunk = $1`;

/**
 * What goes to the untold only overtakes nobody's reminder: who has been told would hear neither. Beside it goes another notice to the
 * told, where there is something to tell them.
 */
const statesOf = (nos: string): string => `
  SELECT n.no, n.kind = 'reminder' AS "isReminder", n.status IN ('superseded', 'cancelled') AS "noticeEnded",
         n.kind = 'reminder' AND (n.release_at <= now() OR c.status = 'released' OR EXISTS (
           SELECT FROM notices later WHERE later.change = n.change AND later.revision >= n.revision
             AND later.due_at > n.due_at AND later.due_at <= now()
             AND later.audience <> 'untold' AND later.status IN ('planned', 'sending', 'done'))) AS overtaken,
         c.paused_at IS NOT NULL OR EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL) AS held
  FROM ${noticesOf(nos)} LEFT JOIN changes c ON c.change = n.change`;

/** By number. */
export type NoticeStates = ReadonlyMap<number, NoticeState>;

const byNumber = (states: readonly NoticeState[]): NoticeStates => new Map(states.map((state) => [state.no, state]));

/** The states of notices by number. */
export const noticeStates = async (sql: Sql, nos: readonly number[]): Promise<NoticeStates> => {
  const { rows } = await sql.query<NoticeState>({ name: "notice-states", text: statesOf(THESE), values: [nos] });
  return byNumber(rows);
};

/** The states of the notices whose deliveries a chunk still has to send, read anew for every chunk. */
export const chunkStates = async (sql: Sql, chunk: number): Promise<NoticeStates> => {
  const { rows } = await sql.query<NoticeState>({ name: "chunk-states", text: statesOf(OF_CHUNK), values: [chunk] });
  return byNumber(rows);
};

/** What a notice says, and the retry schedules of the policy that governs it (null: it belongs to no change). */
export type KeptContent = NoticeContent & { retries: Record<"webhook" | "email", IsoDuration[]> | null };

type Row = {
  no: number;
  id: string;
  kind: NoticeKind;
  offset: string | null;
  lane: Lane;
  dueAt: Date;
  state: Change | null;
  differs: Difference | null;
  reason: string | null;
  disabled: { endpoint: number; address: string; reason: string } | null;
  releasedAt: Date | null;
  services: Record<string, string> | null;
  sequence: number;
  verdict: Verdict | null;
  policy: Policy | null;
};

/** Which endpoint was disabled, why, and what its partner can do; an erased address is left out. */
const disabledReason = ({ endpoint, address, reason }: NonNullable<Row["disabled"]>): string => {
  const id = endpointId(endpoint);
  return `${address === "" ? id : `${address} (${id})`}: ${reason}. Tell us once it works again: we enable ${id} then, and can send it what it missed.`;
};

/** What notices say: it never changes once they are stored, so callers may keep it. `zone` serves notices without a change. */
export const loadContents = async (sql: Sql, nos: readonly number[], zone: string): Promise<KeptContent[]> => {
  const { rows } = await sql.query<Row>({
    name: "notice-contents",
    text: `SELECT n.no, n.id, n.kind, n."offset", n.lane, n.due_at AS "dueAt", r.state, r.differs, r.reason, r.verdict, p.policy,
                  (SELECT json_build_object('endpoint', e.no, 'address', e.address, 'reason', n.reason)
                   FROM endpoints e WHERE n.kind = 'endpoint-disabled' AND e.no = n.only_endpoint) AS disabled,
                  CASE WHEN r.state->>'status' = 'released' THEN
                    (SELECT c.released_at FROM changes c WHERE c.change = n.change) END AS "releasedAt",
                  (SELECT json_object_agg(s.service, s.title)
                   FROM (SELECT DISTINCT said.state->'fields'->>'service' AS service FROM revisions said
                         WHERE said.change = n.change AND said.revision <= n.revision) AS named
                   CROSS JOIN ${lookUp("services", "service = named.service")} AS s) AS services,
                  ${entrySequence("n")} AS sequence
           FROM ${noticesOf(THESE)}
           LEFT JOIN revisions r ON r.change = n.change AND r.revision = n.revision
           LEFT JOIN policies p ON p.hash = r.policy`,
    values: [nos],
  });
  return rows.map((row) => ({
    notice: {
      no: row.no,
      id: row.id,
      kind: row.kind,
      offset: row.offset,
      lane: row.lane,
      dueAt: row.dueAt.toISOString(),
    },
    change: row.state,
    previous: row.differs ?? {},
    reason: row.disabled ? disabledReason(row.disabled) : row.reason,
    releasedAt: row.releasedAt?.toISOString() ?? null,
    services: row.services ?? {},
    sequence: row.sequence,
    verdict: row.verdict,
    policyZone: row.policy?.timeZone ?? zone,
    retries: row.policy?.retries ?? null,
  }));
};
