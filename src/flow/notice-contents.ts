import type { Lane } from "../domain/category.ts";
import type { Ledger } from "../ledger/connection.ts";
import { type KeptContent, loadContents } from "../ledger/notice-content.ts";

/** Notices whose content a process keeps for its next chunks. */
const KEPT = 200;

/** What notices say, by number; the same object each time, because senders keep what they rendered of it. */
export type NoticeContents = (nos: readonly number[]) => Promise<ReadonlyMap<number, KeptContent>>;

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
  const kept = new Map<number, KeptContent>();
  return async (nos) => {
    const missing = nos.filter((no) => !kept.has(no));
    if (missing.length > 0)
      for (const content of await loadContents(ledger.pools[lane], missing, zone)) kept.set(content.notice.no, content);
    const wanted = new Map(
      nos.flatMap((no) => {
        const content = kept.get(no);
        return content ? [[no, content] as const] : [];
      }),
    );
    for (const no of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(no);
    }
    return wanted;
  };
};
