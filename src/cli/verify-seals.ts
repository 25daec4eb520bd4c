import type { Verified } from "../flow/verify-seals.ts";
import type { Cli } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { counted } from "../counted.ts";
import { moment } from "./words.ts";

type Answer = Verified & { intact: boolean };

/** What was done to what, as a person says it. */
const WORDS: Record<Verified["faults"][number]["what"], string> = {
  altered: "was altered after it was sealed",
  added: "was added after its time was sealed",
  removed: "is no longer what was sealed: it was removed, or its time was altered",
  seal: "the seal itself was altered, or one before it was taken out",
};

/** Follows the chain to its end, a call at a time. */
const checkAll = async (cli: Cli): Promise<Answer> => {
  const whole: Answer = { intact: true, seals: 0, rows: 0, through: null, faults: [], next: 0 };
  while (whole.next !== null) {
    const part = await cli.client().get<Answer>("/v1/seals/verify", { after: whole.next });
    whole.seals += part.seals;
    whole.rows += part.rows;
    whole.through = part.through ?? whole.through;
    whole.faults.push(...part.faults);
    whole.next = part.next;
  }
  return { ...whole, intact: whole.faults.length === 0 };
};

/**
 * Recomputes every seal and says what it found: on standard error when `quiet`, because standard output holds something
 * else already. Throws CommandFailure with a line per row that was altered.
 */
export const verifySeals = async (
  cli: Cli,
  { json, quiet }: { json?: boolean | undefined; quiet?: boolean | undefined },
): Promise<void> => {
  const { terminal } = cli;
  const answer = await checkAll(cli);
  const sentence =
    answer.seals === 0
      ? "there are no seals yet: the first is made a minute after the first record"
      : `checked ${counted(answer.seals, "seal")} over ${counted(answer.rows, "row")} up to ${moment(answer.through)} UTC`;
  if (quiet) terminal.note(json ? JSON.stringify(answer) : sentence);
  else terminal.answer({ json }, answer, () => sentence);
  if (answer.intact) return;
  throw new CommandFailure(
    EXIT.failed,
    "the ledger is not what was sealed",
    answer.faults.map(({ seal, what, row }) => ({ path: row ?? `seal ${seal}`, message: WORDS[what] })),
  );
};
