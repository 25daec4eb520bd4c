import { stripVTControlCharacters, styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where a command writes: answers on standard output, everything else on standard error. */
export type Terminal = {
  /** One answer line (or block) on standard output. */
  print(text: string): void;
  /** One remark on standard error, so that piped answers stay clean. */
  note(text: string): void;
  /** Coloured only on a terminal; honours NO_COLOR and FORCE_COLOR. */
  paint: (style: Style, text: string) => string;
  /** Columns to fit into; null where the output is not a terminal and nothing need be cut. */
  width: number | null;
  /** Standard error is a terminal: a progress bar may be drawn and redrawn there. */
  progress: NodeJS.WriteStream | null;
  /** The whole answer: `value` as JSON with `--json`, for people otherwise. */
  answer(options: { json?: boolean | undefined }, value: unknown, forPeople: () => string): void;
};

export const makeTerminal = (stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal => {
  const print = (text: string): void => void stdout.write(`${text}\n`);
  return {
    print,
    note: (text) => void stderr.write(`${text}\n`),
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    width: stdout.isTTY ? Math.max(stdout.columns, 40) : null,
    progress: stderr.isTTY ? stderr : null,
    answer: (options, value, forPeople) => print(options.json ? JSON.stringify(value, null, 2) : forPeople()),
  };
};

// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/**
 * Text of others, safe to print: escape sequences, control and bidirectional characters cannot move the cursor, hide
 * or reorder what stands around them.
 */
export const printable = (text: string): string => stripVTControlCharacters(text).replace(CONTROL, " ");
