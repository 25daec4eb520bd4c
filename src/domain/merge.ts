import { releaseInstant } from "./calendar.ts";
import type { Change, ChangeFields, ChangeStatus, Difference, Outdated, Stamp } from "./change.ts";
import type { ChangeEvent } from "./event.ts";
import { canonicalJson } from "./policy.ts";

/** What merging needs to know beside the event itself. */
export type MergeContext = {
  /** UTC. */
  acceptedAt: string;
  /** The policy's zone: two spellings of one release instant are one date. */
  zone: string;
  /** Whether anybody was told of the change so far: a category without notices tells nobody. */
  spoke: boolean;
  /** Whether a service is business critical by itself. */
  serviceIsCritical: boolean;
};

export type Merged = { change: Change; differs: Difference; outdated: Outdated[] };

/** Newest `time` first; ties by `source`, then `id`, so that every order of arrival ends the same. */
const isNewer = (a: Stamp, b: Stamp | undefined): boolean => {
  if (!b) return true;
  if (a.time !== b.time) return a.time > b.time;
  if (a.source !== b.source) return a.source > b.source;
  return a.id > b.id;
};

const same = (a: unknown, b: unknown): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);

const sameRelease = (a: string | undefined, b: string | undefined, zone: string): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && releaseInstant(a, zone).getTime() === releaseInstant(b, zone).getTime());

const sameField = (name: string, a: unknown, b: unknown, zone: string): boolean =>
  name === "releaseAt" ? sameRelease(a as string | undefined, b as string | undefined, zone) : same(a, b);

/**
 * Former values of the fields that differ between two states of one change; a release date differs when its instant
 * does, and `businessCritical` when what the change demands does.
 */
export const differenceOf = (before: Change, after: Change, zone: string): Difference => {
  const differs: Difference = {};
  for (const name of new Set([...Object.keys(before.fields), ...Object.keys(after.fields)]) as Set<
    keyof ChangeFields
  >) {
    if (name === "businessCritical") continue;
    if (!sameField(name, before.fields[name], after.fields[name], zone)) differs[name] = before.fields[name] ?? null;
  }
  if (before.critical !== after.critical) differs["businessCritical"] = before.critical;
  return differs;
};

/** The lasting word of an event on the change as a whole; the newest of them stands. */
const WORDS: Record<ChangeEvent["kind"], Extract<ChangeStatus, "cancelled" | "released"> | null> = {
  created: null,
  updated: null,
  cancelled: "cancelled",
  released: "released",
};

/**
 * The change after one more event: field by field, the newest `time` wins, so a late older event still contributes the
 * fields that no newer one set.
 *
 * `previous` is null for a creation. The release `differs` only when its instant does. Nothing is validated here: an
 * event that names no title can only follow one that did.
 */
export const mergeEvent = (previous: Change | null, event: ChangeEvent, context: MergeContext): Merged => {
  const stamp: Stamp = { time: event.time ?? context.acceptedAt, source: event.source, id: event.id };
  const stamps = { ...previous?.stamps };
  const outdated: Outdated[] = [];
  const fields: Record<string, unknown> = { ...previous?.fields };

  for (const [name, value] of Object.entries(event.fields)) {
    const newest = stamps[name];
    if (newest && !isNewer(stamp, newest)) {
      if (!sameField(name, value ?? undefined, fields[name], context.zone)) outdated.push({ field: name, by: newest });
      continue;
    }
    stamps[name] = stamp;
    if (value === null) delete fields[name];
    else fields[name] = value;
  }

  const word = WORDS[event.kind];
  let status = previous?.status ?? "announced";
  const lastWord = stamps["status"];
  if (word && isNewer(stamp, lastWord)) {
    stamps["status"] = stamp;
    status = word;
  } else if (word && lastWord && word !== status) outdated.push({ field: "status", by: lastWord });

  const merged = fields as ChangeFields;
  const moved = !sameRelease(previous?.fields.releaseAt, merged.releaseAt, context.zone);
  // Without a word of an event the status follows from the fields; a release by the schedule is undone by a later date.
  const releasedBySchedule =
    status === "released" &&
    !(moved && merged.releaseAt && releaseInstant(merged.releaseAt, context.zone).toISOString() > context.acceptedAt);
  if (!stamps["status"] && !releasedBySchedule) status = merged.category === "normal" ? "recorded" : "announced";

  const critical = merged.businessCritical ?? context.serviceIsCritical;
  const change: Change = {
    change: event.change,
    revision: (previous?.revision ?? 0) + 1,
    status,
    fields: merged,
    stamps,
    critical,
    dateSince: previous && !moved && context.spoke ? previous.dateSince : context.acceptedAt,
    firstAcceptedAt: previous?.firstAcceptedAt ?? context.acceptedAt,
  };
  return { change, differs: previous ? differenceOf(previous, change, context.zone) : {}, outdated };
};
