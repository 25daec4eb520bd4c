import { releaseInstant } from "../domain/calendar.ts";
import type { Acknowledgement } from "../ledger/acknowledgements.ts";
import type { NoticeView } from "../ledger/change-views.ts";
import type { RecordedChange } from "../ledger/changelog.ts";
import type { HistoryEntry } from "../ledger/histories.ts";

type Standing = {
  answer: Acknowledgement | null;
  history: readonly HistoryEntry[];
  notices: readonly NoticeView[];
  view: Pick<RecordedChange, "revision" | "policyZone">;
};

/** The last revision that brought the date forward, which who was ready before need not be any more; 1: none did. */
const forwardSince = ({ history, view }: Standing): number => {
  const dated = history.flatMap(({ revision, state: { fields } }) =>
    fields.releaseAt === undefined ? [] : [{ revision, at: releaseInstant(fields.releaseAt, view.policyZone) }],
  );
  const forward = dated.filter(({ at }, no) => {
    const former = dated[no - 1];
    return former !== undefined && at < former.at;
  });
  return forward.at(-1)?.revision ?? 1;
};

/** As `readyPartners` decides right before sending: said of what was the latest revision then, since the date was last brought forward. */
const isReady = (standing: Standing): boolean => {
  const { answer, history } = standing;
  return (
    answer?.status === "ready" &&
    answer.revision >= forwardSince(standing) &&
    !history.some(({ revision, at }) => revision > answer.revision && at <= answer.at)
  );
};

/** The numbers of the reminders that are not sent to a partner because it is ready: all of the latest revision but the last. */
export const sparedReminders = (standing: Standing): ReadonlySet<number> => {
  if (!isReady(standing)) return new Set();
  const reminders = standing.notices.filter(
    ({ kind, status, revision }) => kind === "reminder" && status !== "folded" && revision === standing.view.revision,
  );
  const last = Math.max(...reminders.map(({ dueAt }) => dueAt.getTime()));
  return new Set(reminders.filter(({ dueAt }) => dueAt.getTime() < last).map(({ no }) => no));
};
