import type { Channel, Lane } from "../domain/category.ts";
import type { Change, Difference } from "../domain/change.ts";
import type { Outcome } from "../domain/delivery.ts";
import type { NoticeKind } from "../domain/notice.ts";
import type { Verdict } from "../domain/verdict.ts";

/** What a notice says, the same for all of its recipients; loaded once per chunk and rendered once per notice (and locale). */
export type NoticeContent = {
  notice: { no: number; id: string; kind: NoticeKind; offset: string | null; lane: Lane; dueAt: string };
  /** The change at the notice's revision; null for notices to partners about themselves (`test`, `endpoint-disabled`). */
  change: Change | null;
  /** Former values of what this revision changed; empty for a first announcement. */
  previous: Difference;
  /** Why it moved or was cancelled, in the event's words. */
  reason: string | null;
  /** When it was released, UTC; null: not by this revision, or not known. */
  releasedAt: string | null;
  /** Titles of the services that the change has belonged to, by id; one that was deleted is missing. */
  services: Readonly<Record<string, string>>;
  /** How often the change's calendar entry had moved by this revision (RFC 5545, 3.8.7.4); 0 for notices without a change. */
  sequence: number;
  verdict: Verdict | null;
  /** The governing policy's zone: a date without a time is 00:00 there. */
  policyZone: string;
};

/** One recipient of a notice: what differs between deliveries of the same notice. */
export type Addressee = {
  /** `<notice id>.<endpoint id>`; `webhook-id` and `Message-ID` derive from it. */
  delivery: string;
  partner: string;
  name: string;
  /** BCP 47, `en`, `fr-CA`. */
  locale: string;
  /** IANA zone. */
  timeZone: string;
  /** Of the partner's links (keyring.pageToken). */
  pageEpoch: number;
  /** A URL or a mail address. */
  address: string;
  /** Live webhook secrets (`whsec_…`), newest first, decrypted; empty for mail. */
  secrets: readonly string[];
  /** The delivery that began the mail thread of this change at this endpoint; null when this one begins it. */
  threadRoot: string | null;
  /** The change's title when that delivery was made: programs that show threads file equal subjects together. */
  threadTitle?: string | null;
};

/**
 * One channel's way to make one attempt. It never throws for what the other side does: every answer, cut and time-out
 * is an Outcome. It throws only for bugs.
 */
export type Sender = {
  channel: Channel;
  /** One attempt, under the policy's deadline for the whole exchange. Aborting `signal` ends it as a retry. */
  send(content: NoticeContent, to: Addressee, signal: AbortSignal): Promise<Outcome>;
  /** Ends idle connections; called once, after the last send has settled. */
  close(): Promise<void>;
};
