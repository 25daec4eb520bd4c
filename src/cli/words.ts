import { counted } from "../counted.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Terminal } from "./terminal.ts";

type Paint = Pick<Terminal, "paint">;
type Style = Parameters<Terminal["paint"]>[0];

/** `2027-03-01 08:00` of a UTC time, `2027-03-01` of a date. */
export const moment = (time: string | null | undefined): string =>
  !time ? "" : /^\d{4}-\d{2}-\d{2}T/.test(time) ? time.slice(0, 16).replace("T", " ") : time;

const STATUS_STYLES: Record<string, Style> = {
  met: "green",
  sent: "green",
  done: "green",
  active: "green",
  short: "yellow",
  breached: "red",
  pending: "yellow",
  waived: "cyan",
  waiting: "yellow",
  sending: "yellow",
  held: "yellow",
  failed: "red",
  suppressed: "red",
  bounced: "red",
  disabled: "red",
  refused: "red",
  emergency: "red",
  major: "bold",
  superseded: "dim",
  cancelled: "dim",
  folded: "dim",
  skipped: "dim",
  revoked: "dim",
};

/** A state in its colour, where there are colours. */
export const painted = ({ paint }: Paint, status: string): string => {
  const style = STATUS_STYLES[status];
  return style ? paint(style, status) : status;
};

/** `met: 95 days (3 months) for P3M`; both months and days, because neither proves the other. */
export const verdictSentence = (terminal: Paint, verdict: Verdict | null): string => {
  if (!verdict || verdict.status === "none") return terminal.paint("dim", "none: this category demands no notice");
  const ahead =
    verdict.noticeDays === null
      ? "no release date"
      : `${counted(verdict.noticeDays, "day")} (${counted(verdict.noticeMonths ?? 0, "month")}) of ${verdict.minimum}`;
  const lawful = verdict.earliestRelease ? `; earliest lawful release ${moment(verdict.earliestRelease)}` : "";
  const short = verdict.status === "short" ? `, ${counted(verdict.shortByDays, "day")} short` : "";
  return `${painted(terminal, verdict.status)}: ${ahead}${short}${verdict.status === "met" ? "" : lawful}`;
};

/** `reminder −P14D`, `announcement`. */
export const noticeName = ({ kind, offset }: { kind: string; offset: string | null }): string =>
  offset ? `${kind} ${offset.replace(/^-/, "−")}` : kind;
