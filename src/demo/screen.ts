import type { Terminal } from "../cli/terminal.ts";

const INDENT = "  ";
const WIDEST = 100;

/** Text that fits into `width` columns, its end cut where it does not. */
export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1)).trimEnd()}…`;

/** Text in lines of at most `width` columns, broken at blanks. */
export const wrapped = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

/** The demo's terminal: lines that stay, and on a terminal one dim line below them that says what it waits for. */
export type Screen = {
  paint: Terminal["paint"];
  /** Columns that a line may take. */
  width: number;
  say(...lines: string[]): void;
  /** Lines with a blank one around them, however many blocks follow each other. */
  block(...lines: string[]): void;
  heading(text: string): void;
  /** Replaces the line below; empty takes it away. Nothing where the output is not a terminal. */
  status(text: string): void;
};

export const makeScreen = (terminal: Terminal, stdout: NodeJS.WriteStream): Screen => {
  const live = stdout.isTTY;
  let waiting = "";
  const wipe = (): void => void (live && waiting !== "" && stdout.write("\r\u001b[2K"));
  const redraw = (): void => {
    if (live && waiting !== "")
      stdout.write(terminal.paint("dim", `${INDENT}${waiting}`.slice(0, Math.max(20, stdout.columns - 1))));
  };
  let last = "";
  const say = (...lines: string[]): void => {
    wipe();
    for (const line of lines) terminal.print(line === "" ? "" : `${INDENT}${line}`);
    last = lines.at(-1) ?? last;
    redraw();
  };
  const spaced = (...lines: string[]): void => say(...(last === "" ? [] : [""]), ...lines, "");
  return {
    paint: terminal.paint,
    width: Math.min(terminal.width ?? WIDEST, WIDEST) - INDENT.length,
    say,
    block: spaced,
    heading: (text) => spaced(terminal.paint("bold", text)),
    status: (text) => {
      wipe();
      waiting = text;
      redraw();
    },
  };
};
