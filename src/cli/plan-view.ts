import type { EventAnswer } from "../flow/decide-event.ts";
import type { Recipients } from "../ledger/recipients.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { counted, moment, noticeName, painted, verdictSentence } from "./words.ts";

/** What is not known yet, or asks nothing of anybody any more, has no verdict. */
const UNJUDGED: ReadonlySet<EventAnswer["status"]> = new Set(["held", "cancelled"]);

/** The answer to an event, for people: the change, its verdict, and its notices with their dates. */
export const planView = (terminal: Terminal, answer: EventAnswer & { recipients?: Recipients }): string => {
  const heading = `${terminal.paint("bold", printable(answer.change))}  revision ${answer.revision}  ${painted(terminal, answer.status)}`;
  const lines = [heading];
  if (!UNJUDGED.has(answer.status)) lines.push(`verdict  ${verdictSentence(terminal, answer.verdict)}`);
  for (const one of answer.outdated ?? [])
    lines.push(`${terminal.paint("yellow", "outdated")} ${printable(outdatedSentence(one))}`);
  if (answer.recipients) lines.push(`reaches  ${recipientsSentence(answer.recipients)}`);
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

const recipientsSentence = (to: Recipients): string =>
  `${counted(to.partners, "partner")}: ${counted(to.email, "mail")}, ${counted(to.webhook, "webhook")}${
    to.unreachable > 0 ? `; ${counted(to.unreachable, "partner")} unreachable` : ""
  }`;
