import type { Terminal } from "../cli/terminal.ts";

const INDENT = "  ";

/** The demo's terminal: lines that stay, and on a terminal one dim line below them that says what it waits for. */
export type Screen = {
  paint: Terminal["paint"];
  say(...lines: string[]): void;
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
  const say = (...lines: string[]): void => {
    wipe();
    for (const line of lines) terminal.print(line === "" ? "" : `${INDENT}${line}`);
    redraw();
  };
  return {
    paint: terminal.paint,
    say,
    heading: (text) => say("", terminal.paint("bold", text), ""),
    status: (text) => {
      wipe();
      waiting = text;
      redraw();
    },
  };
};
