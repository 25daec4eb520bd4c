import type { Lane } from "../domain/category.ts";
import { differenceOf } from "../domain/merge.ts";
import type { Ledger } from "../ledger/connection.ts";
import { findRevisionState } from "../ledger/last-told.ts";
import { type KeptContent, loadContents } from "../ledger/notice-content.ts";

/** Contents that a process keeps for its next chunks. */
const KEPT = 400;

/** What notices say; the same object each time, because senders keep what they rendered of it. */
export type NoticeContents = {
  /** By number. */
  load(nos: readonly number[]): Promise<ReadonlyMap<number, KeptContent>>;
  /** The content for an endpoint that was last told of revision `told` (null: of none): what differs since then. */
  since(content: KeptContent, told: number | null): Promise<KeptContent>;
};

/** Loads each content once and keeps the latest; `zone` is meant by notices that belong to no change. */
export const makeNoticeContents = ({
  ledger,
  lane,
  zone,
}: {
  ledger: Ledger;
  lane: Lane;
  zone: string;
}): NoticeContents => {
  const pool = ledger.pools[lane];
  const kept = new Map<string, KeptContent>();
  const keep = (key: string, content: KeptContent): KeptContent => {
    kept.set(key, content);
    for (const old of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(old);
    }
    return content;
  };

  return {
    load: async (nos) => {
      const wanted = new Map<number, KeptContent>();
      for (const no of nos) {
        const content = kept.get(`${no}`);
        if (content) wanted.set(no, content);
      }
      const missing = nos.filter((no) => !wanted.has(no));
      if (missing.length > 0)
        for (const content of await loadContents(pool, missing, zone))
          wanted.set(content.notice.no, keep(`${content.notice.no}`, content));
      return wanted;
    },
    since: async (content, told) => {
      const { change, notice } = content;
      if (!change || told === change.revision - 1) return content;
      const key = `${notice.no} ${told}`;
      const known = kept.get(key);
      if (known) return known;
      const before = told === null ? null : await findRevisionState(pool, change.change, told);
      return keep(key, { ...content, previous: before ? differenceOf(before, change, content.policyZone) : {} });
    },
  };
};
