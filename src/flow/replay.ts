import { endpointId } from "../domain/delivery.ts";
import { replayOf } from "../domain/replay.ts";
import { Problem } from "../errors.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { type EndpointRow, findEndpoint } from "../ledger/endpoints.ts";
import { noticeStates } from "../ledger/notice-content.ts";
import { lockDelivery, type MissedNotice, missedNotices, putBack, repeatSent, resendTo } from "../ledger/replays.ts";
import type { Log } from "../log.ts";

/** Sending again. What is put back here goes out with the next sweep, within a second or so. */
export type Replays = {
  /** Sends a delivery again with the same ids. Throws Problem `not-found`, or `conflict` when it must not be sent any more. */
  delivery(id: string): Promise<void>;
  /** What an endpoint missed since then and can be sent. */
  missed(endpoint: number, since: Date): Promise<MissedNotice[]>;
  /** Sends it. Throws Problem `not-found`, or `conflict` for an endpoint that takes nothing. */
  endpoint(endpoint: number, since: Date): Promise<MissedNotice[]>;
};

export const makeReplays = ({ ledger, log }: { ledger: Ledger; log: Log }): Replays => {
  const pool = ledger.pools.routine;

  const takes = async (no: number): Promise<EndpointRow> => {
    const endpoint = await findEndpoint(pool, no);
    if (!endpoint) throw new Problem("not-found", `there is no endpoint ${endpointId(no)}`);
    if (endpoint.status !== "active")
      throw new Problem(
        "conflict",
        `${endpointId(no)} is ${endpoint.status}; enable it first (POST /v1/endpoints/${endpointId(no)}/enable), then replay it`,
      );
    return endpoint;
  };

  return {
    delivery: async (id) => {
      const how = await inTransaction(pool, async (sql) => {
        const target = await lockDelivery(sql, id);
        const state = target && (await noticeStates(sql, [target.notice])).get(target.notice);
        if (!target || !state) throw new Problem("not-found", `there is no delivery ${id}`);
        const replay = replayOf(target.status, { ...target, ...state, ready: false });
        if (replay.kind === "refused") throw new Problem("conflict", `${id} cannot be sent again: ${replay.why}`);
        await (replay.kind === "wait" ? putBack : repeatSent)(sql, target);
        return { replay: replay.kind, was: target.status };
      });
      log.info({ delivery: id, ...how }, "delivery replayed");
    },
    missed: (endpoint, since) => missedNotices(pool, endpoint, since),
    endpoint: async (no, since) => {
      const { channel } = await takes(no);
      const sent = await inTransaction(pool, async (sql) => {
        const missed = await missedNotices(sql, no, since);
        const again = new Set(
          await resendTo(
            sql,
            { endpoint: no, channel },
            missed.map((it) => it.no),
          ),
        );
        return missed.filter((it) => again.has(it.no));
      });
      log.info({ endpoint: endpointId(no), since, notices: sent.length }, "endpoint replayed");
      return sent;
    },
  };
};
