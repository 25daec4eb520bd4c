import type { Terminal } from "./terminal.ts";

const CELLS = 24;
const REDRAW_MS = 100;

/** A bar on standard error that redraws itself at most ten times a second; silent where that is not a terminal. */
export const makeProgress = (terminal: Pick<Terminal, "progress">, label: string, total: number) => {
  const screen = terminal.progress;
  let drawnAt = 0;
  let drawn = false;
  const draw = (done: number): void => {
    if (!screen) return;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const full = Math.round(share * CELLS);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    screen.write(`\r\u001b[2K${label}  ${"█".repeat(full)}${"░".repeat(CELLS - full)} ${percent} %`);
  };
  return {
    advanceTo: (done: number): void => {
      const now = performance.now();
      if (now - drawnAt < REDRAW_MS && done < total) return;
      drawnAt = now;
      drawn = true;
      draw(done);
    },
    /** Takes the bar away, so that what follows starts on a clean line. */
    end: (): void => {
      if (drawn) screen?.write("\r\u001b[2K");
      drawn = false;
    },
  };
};
