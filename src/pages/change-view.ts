import type { RecordedChange } from "../ledger/changelog.ts";
import { type Scene, shortfallOf, standingOf } from "../render/notice-lead.ts";
import { type NoticeView, noticeView } from "../render/notice-view.ts";
import type { Zones } from "../render/release-words.ts";
import { unstyled } from "../render/unstyled.ts";
import type { Words } from "../render/words.ts";

export type ShownChange = NoticeView & { details: string | null; status: string; statusName: string };

type Reading = { words: Words; zones: Zones; now: Date; reason: string | null };

/** A change as a page shows it: what an announcement would say of its latest revision, read at `now`. */
export const changeView = (view: RecordedChange, { words, zones, now, reason }: Reading): ShownChange => {
  const scene = {
    content: {
      notice: {
        no: 0,
        id: view.change,
        kind: view.status === "cancelled" ? "cancelled" : "announcement",
        offset: null,
        lane: "routine",
        dueAt: now.toISOString(),
      },
      change: { ...view.state, status: view.status },
      previous: {},
      reason,
      releasedAt: view.releasedAt?.toISOString() ?? null,
      services: { [view.state.fields.service]: view.service },
      sequence: 0,
      verdict: view.verdict,
      policyZone: view.policyZone,
    },
    zones,
    words,
    now,
  } satisfies Scene;
  const shown = noticeView(scene);
  const standing = standingOf(scene);
  // Who reads it after the release need not have been told after it.
  const toldBefore = (view.verdict.noticeDays ?? 0) > 0;
  return {
    ...shown,
    shortfall: toldBefore ? shortfallOf(scene, { ...standing, phase: "ahead" }) : shown.shortfall,
    details: shown.detailsHtml === null ? null : unstyled(shown.detailsHtml),
    status: view.status,
    statusName: words.say(`status.${view.status}`),
  };
};
