import type { Fault } from "../domain/fault.ts";
import type { EventAnswer } from "../flow/decide-event.ts";
import type { Cli } from "./cli.ts";
import { CommandFailure, EXIT, refusalLines } from "./exit.ts";
import { askPauseLines } from "./pause-lines.ts";
import { planView } from "./plan-view.ts";
import { printable } from "./terminal.ts";

/** What a batch may hold at most (INTERFACE: "Events in"). */
const LARGEST_BATCH = 100;

/** One event's fate within a batch: the answer, or the problem that refused it. */
type Fate = EventAnswer | { title?: string; detail?: string; errors?: Fault[] };

const accepted = (fate: Fate): fate is EventAnswer => "notices" in fate;

const linesOf = ({ detail, title, errors }: Exclude<Fate, EventAnswer>, at: number): string[] =>
  refusalLines(`event ${at + 1} was refused: `, detail ?? title ?? "no reason was given", errors ?? []).map(printable);

/** Sends a list of events in batches, in order; fails when any of them was refused, after all were sent. */
export const emitBatch = async (cli: Cli, events: readonly unknown[], options: { json?: boolean | undefined }) => {
  const fates: Fate[] = [];
  for (let at = 0; at < events.length; at += LARGEST_BATCH) {
    const { body } = await cli.client().send<Fate[]>("POST", "/v1/events", {
      contentType: "application/cloudevents-batch+json",
      body: JSON.stringify(events.slice(at, at + LARGEST_BATCH)),
    });
    fates.push(...body);
  }
  cli.terminal.answer(options, fates, () =>
    fates
      .filter(accepted)
      .map((answer) => planView(cli.terminal, answer))
      .join("\n\n"),
  );
  if (!options.json) for (const line of await askPauseLines(cli)) cli.terminal.print(`\n${line}`);
  const refused = fates.flatMap((fate, at) => (accepted(fate) ? [] : linesOf(fate, at)));
  for (const line of refused) cli.terminal.note(line);
  const count = fates.filter((fate) => !accepted(fate)).length;
  if (count > 0) throw new CommandFailure(EXIT.failed, `${count} of ${events.length} events were refused`);
};
