import { CHANNELS } from "../domain/category.ts";
import { DELIVERY_STATUSES } from "../domain/delivery.ts";
import type { ChangeView, DeliveryCount, NoticeView, RevisionView } from "../ledger/change-views.ts";

/** A change as lists show it: the fields of its events, and where it stands. */
export const showChange = ({ change, revision, status, state, verdict, pausedAt, releasedAt }: ChangeView) => ({
  ...state.fields,
  change,
  revision,
  status,
  businessCritical: state.critical,
  verdict,
  ...(releasedAt ? { releasedAt: releasedAt.toISOString() } : {}),
  ...(pausedAt ? { pausedAt: pausedAt.toISOString() } : {}),
});

export const showRevision = ({ at, reason, ...row }: RevisionView) => ({
  ...row,
  at: at.toISOString(),
  ...(reason === null ? {} : { reason }),
});

type Counts = Record<(typeof CHANNELS)[number], Record<(typeof DELIVERY_STATUSES)[number], number>>;

/** Counts of one notice; what was not counted is 0. */
const countsOf = (notice: number, all: readonly DeliveryCount[]): Counts => {
  const own = all.filter((row) => row.notice === notice);
  const count = (channel: string, status: string): number =>
    own.find((row) => row.channel === channel && row.status === status)?.count ?? 0;
  return Object.fromEntries(
    CHANNELS.map((channel) => [
      channel,
      Object.fromEntries(DELIVERY_STATUSES.map((status) => [status, count(channel, status)])),
    ]),
  ) as Counts;
};

export const showNotice = ({ no, dueAt, foldedInto, ...row }: NoticeView, counts: readonly DeliveryCount[]) => ({
  ...row,
  dueAt: dueAt.toISOString(),
  ...(foldedInto === null ? {} : { foldedInto }),
  counts: countsOf(no, counts),
});
