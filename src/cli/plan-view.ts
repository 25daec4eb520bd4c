import type { EventAnswer } from "../flow/decide-event.ts";
import type { Recipients } from "../ledger/recipients.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { counted } from "../counted.ts";
import { moment, noticeName, painted, verdictSentence } from "./words.ts";

/** What is not known yet, or asks nothing of anybody any more, has no verdict. */
const UNJUDGED: ReadonlySet<EventAnswer["status"]> = new Set(["held", "cancelled"]);

/** The answer to an event, for people: the change, its verdict, and its notices with their dates. */
export const planView = (terminal: Terminal, answer: EventAnswer & { recipients?: Recipients }): string => {
  const heading = `${terminal.paint("bold", printable(answer.change))}  revision ${answer.revision}  ${painted(terminal, answer.status)}`;
  const lines = [heading];
  if (!UNJUDGED.has(answer.status)) lines.push(`verdict  ${verdictSentence(terminal, answer.verdict)}`);
  for (const one of answer.outdated ?? [])
    lines.push(`${terminal.paint("yellow", "outdated")} ${printable(outdatedSentence(one))}`);
  if (answer.recipients) lines.push(recipientsLine(answer.recipients, answer.notices.length > 0));
  const notices = table(
    terminal,
    [
      { title: "due (UTC)", of: (notice) => moment(notice.dueAt) },
      { title: "notice", of: noticeName },
      { title: "status", of: (notice) => painted(terminal, notice.status) },
      { title: "id", of: (notice) => terminal.paint("dim", notice.id), cut: true },
    ],
    answer.notices,
    answer.status === "held"
      ? heldSentence(printable(answer.change))
      : "no notice is due: it appears in the change log",
  );
  return [...lines, "", notices].join("\n");
};

const heldSentence = (change: string): string =>
  `held until forewarn.change.created of ${change} comes; if that came already, ${change} is not its id: a typo in --change looks the same`;

const outdatedSentence = ({ field, by }: NonNullable<EventAnswer["outdated"]>[number]): string =>
  `${field} was not taken: event ${by.id} of ${by.source} set it and is newer (${by.time}); to set it all the same, send it in a new event with a later time`;

/** Whom it concerns is whom it reaches and who has no endpoint; where no notice is due, none of them hears of it. */
const recipientsLine = ({ partners, email, webhook, unreachable }: Recipients, told: boolean): string => {
  if (!told) return `reaches  nobody; it concerns ${counted(partners, "partner")}`;
  const none = unreachable > 0 ? `; ${unreachable.toLocaleString("en")} more cannot be reached` : "";
  return `reaches  ${counted(partners - unreachable, "partner")}: ${counted(email, "mail")}, ${counted(webhook, "webhook")}${none}`;
};
