import ical, {
  type ICalEventData,
  ICalCalendarMethod,
  type ICalCalendar,
  ICalEventStatus,
  ICalEventTransparency,
} from "ical-generator";
import { isDateOnly } from "../domain/calendar.ts";
import type { Change } from "../domain/change.ts";
import type { NoticeContent } from "../senders/sender.ts";
import type { Mailbox } from "./mail-mime.ts";
import { plainBlock, plainLine } from "./plain-text.ts";
import { changelogPage } from "./public-links.ts";
import type { Words } from "./words.ts";

/** A dated change as calendars hold it. */
export type CalendarEntry = {
  change: Change;
  /** `YYYY-MM-DD` or a UTC time. */
  releaseAt: string;
  cancelled: boolean;
  /** One more each time the date moved, or the change was cancelled or taken up again (RFC 5545, 3.8.7.4). */
  sequence: number;
};

type Written = { words: Words; publicUrl: string };

/** RFC 5545, 3.1: octets of a line, its end not counted. */
const LINE_OCTETS = 75;

/**
 * The same for all of a change's life, in mails and feeds, and no other installation's.
 *
 * @example entryUid("CHG-1042", "https://notices.example.com") // "CHG-1042@notices.example.com"
 */
export const entryUid = (change: string, publicUrl: string): string => `${change}@${new URL(publicUrl).hostname}`;

/** Lines of at most 75 octets, `room` for the first, CRLF between them; no character is cut (RFC 5545, 3.1). */
const fold = (line: string, room = LINE_OCTETS): string => {
  // Of ASCII, as nearly all are: no character is looked at.
  if (line.length <= room && !/[^ -~]/.test(line)) return line;
  let folded = "";
  let left = room;
  for (const sign of line) {
    const octets = Buffer.byteLength(sign);
    if (octets > left) {
      folded += "\r\n ";
      left = LINE_OCTETS - 1;
    }
    folded += sign;
    left -= octets;
  }
  return folded;
};

/** A quoted parameter (RFC 6868). */
const parameter = (text: string): string =>
  `"${plainLine(text).replaceAll("^", "^^").replaceAll('"', "^'").replaceAll("\n", "^n")}"`;

/** RFC 6068, 2: what may not stand bare in an address's local part. */
const mailto = (address: string): string =>
  `mailto:${address.replace(/[^!$&'*+\-.\w/=@~]/gu, (sign) => encodeURIComponent(sign))}`;

/** The line of an invitation's only recipient, as far as it is everybody's; it ends where a line may be folded. */
const ATTENDEE = "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION\r\n ;RSVP=FALSE\r\n ;CN=";

/** The rest of that line, to stand between head and tail. */
export const attendee = ({ name, address }: Mailbox): string =>
  fold(`${parameter(name || address)}:${mailto(address)}`, LINE_OCTETS - " ;CN=".length);

const descriptionOf = ({ fields }: Change, words: Words, page: string): string =>
  [
    fields.summary ? plainBlock(fields.summary) : "",
    fields.action ? `${words.say("label.action")}${words.say("colon")}\n${plainBlock(fields.action)}` : "",
    page,
  ]
    .filter((part) => part !== "")
    .join("\n\n");

/** RFC 5545, 3.6.1: a date without DTEND is that one day; a time without one takes no time. */
const eventOf = (entry: CalendarEntry, written: Written, stamp: Date): ICalEventData => {
  const { change, releaseAt, cancelled, sequence } = entry;
  const page = changelogPage(written.publicUrl, change.change);
  return {
    id: entryUid(change.change, written.publicUrl),
    sequence,
    stamp,
    // Dates are written by their UTC fields, so no host's zone moves the day.
    start: isDateOnly(releaseAt) ? new Date(`${releaseAt}T00:00:00Z`) : new Date(releaseAt),
    allDay: isDateOnly(releaseAt),
    summary: `${plainLine(change.fields.title)} [${change.change}]`,
    description: descriptionOf(change, written.words, page),
    url: page,
    categories: [{ name: written.words.say(`category.${change.fields.category}`) }],
    status: cancelled ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
    // It blocks nobody's day.
    transparency: ICalEventTransparency.TRANSPARENT,
  };
};

const calendarOf = (method: ICalCalendarMethod, { words }: Pick<Written, "words">): ICalCalendar =>
  ical({
    prodId: { company: "Forewarn", product: "Forewarn", language: words.language.toUpperCase() },
    method,
  });

/** The entry of a notice: null where the change has no date, and had none before. */
export const entryOf = ({ change, previous, sequence, notice }: NoticeContent): CalendarEntry | null => {
  if (!change) return null;
  const former = previous["releaseAt"];
  const releaseAt = change.fields.releaseAt ?? (typeof former === "string" ? former : undefined);
  if (releaseAt === undefined) return null;
  // A date that was taken away leaves calendars as a cancelled one does.
  const cancelled = notice.kind === "cancelled" || change.status === "cancelled" || !change.fields.releaseAt;
  return { change, releaseAt, cancelled, sequence };
};

export type Invitation = {
  /** The MIME part's `method` parameter says the same (RFC 6047, 2.4). */
  method: "REQUEST" | "CANCEL";
  /** What goes before and after the one attendee, so that the rest is made once for all. */
  head: string;
  tail: string;
};

export type InvitationParts = Written & { organizer: Mailbox; stamp: Date };

/** RFC 5546, 3.2.2 and 3.2.5: what a mail invites its reader to, or takes back. */
export const invitationOf = (entry: CalendarEntry, { organizer, stamp, ...written }: InvitationParts): Invitation => {
  const method = entry.cancelled ? "CANCEL" : "REQUEST";
  const calendar = calendarOf(ICalCalendarMethod[method], written);
  calendar.createEvent({
    ...eventOf(entry, written, stamp),
    organizer: { name: plainLine(organizer.name) || organizer.address, email: organizer.address },
  });
  // A text cannot hold this: its line breaks are escaped, and where it is folded a space follows.
  const [head = "", tail = ""] = calendar.toString().split("\r\nEND:VEVENT");
  return { method, head: `${head}\r\n${ATTENDEE}`, tail: `\r\nEND:VEVENT${tail.trimEnd()}\r\n` };
};

/** RFC 5546, 3.2.1: what a calendar subscribes to. The stamp is the change's last revision, so that nothing new reads the same. */
export const calendarFeed = (
  entries: readonly (CalendarEntry & { revisedAt: Date })[],
  { name, organizer, ...written }: Written & { name: string; organizer: Mailbox },
): string => {
  const calendar = calendarOf(ICalCalendarMethod.PUBLISH, written);
  calendar.name(plainLine(name));
  calendar.ttl(60 * 60);
  for (const entry of entries)
    calendar.createEvent({
      ...eventOf(entry, written, entry.revisedAt),
      lastModified: entry.revisedAt,
      organizer: { name: plainLine(organizer.name) || organizer.address, email: organizer.address },
    });
  return `${calendar.toString().trimEnd()}\r\n`;
};
