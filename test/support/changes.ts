import type { Change, ChangeFields, ChangeStatus } from "../../src/domain/change.ts";
import type { PlannedNotice } from "../../src/domain/notice.ts";
import type { PlanInput } from "../../src/domain/plan.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";

export type ChangeParts = Partial<ChangeFields> & {
  revision?: number;
  status?: ChangeStatus;
  critical?: boolean;
  dateSince?: string;
};

export const ANNOUNCED_AT = "2026-11-22T10:00:00.000Z";

/** A major change released 2027-03-31, first announced on 22 November 2026, unless told otherwise. */
export const changeOf = ({ revision, status, critical, dateSince, ...fields }: ChangeParts = {}): Change => {
  const category = fields.category ?? "major";
  return {
    change: "CHG-1042",
    revision: revision ?? 1,
    status: status ?? (category === "normal" ? "recorded" : "announced"),
    fields: { service: "users", title: "IDs become UUIDs", releaseAt: "2027-03-31", ...fields, category },
    stamps: {},
    critical: critical ?? false,
    dateSince: dateSince ?? ANNOUNCED_AT,
    firstAcceptedAt: ANNOUNCED_AT,
  };
};

/** The plan of a first revision. */
export const announcedAs = (parts: ChangeParts = {}, input: Partial<PlanInput> = {}): PlanInput => ({
  change: changeOf(parts),
  previous: null,
  differs: {},
  minor: false,
  acceptedAt: ANNOUNCED_AT,
  policy: DEFAULT_POLICY,
  ...input,
});

/** The plan of the revision that makes `after` of `before`, accepted at `acceptedAt`. */
export const revisedTo = (after: ChangeParts, before: ChangeParts, input: Partial<PlanInput> = {}): PlanInput => {
  const previous = changeOf(before);
  const change = changeOf({ ...before, revision: previous.revision + 1, ...after });
  const names = new Set([...Object.keys(previous.fields), ...Object.keys(change.fields)]) as Set<keyof ChangeFields>;
  const differs = Object.fromEntries(
    [...names]
      .filter((name) => JSON.stringify(previous.fields[name]) !== JSON.stringify(change.fields[name]))
      .map((name) => [name, previous.fields[name] ?? null]),
  );
  return { ...announcedAs(), change, previous, differs, acceptedAt: "2027-01-15T10:00:00.000Z", ...input };
};

/** A plan in short: `announcement untold`, `reminder-P1M`; what is folded is in brackets. */
export const inShort = (notices: readonly PlannedNotice[]): string[] =>
  notices.map(({ kind, offset, audience, status }) => {
    const word = offset === null ? `${kind} ${audience}` : `${kind}${offset}`;
    return status === "folded" ? `(${word})` : word;
  });
