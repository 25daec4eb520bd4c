import { Command, InvalidArgumentError } from "commander";
import type { Cli } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";

const EXAMPLES = `
Starts a whole installation of its own below .forewarn/demo, with a mailbox and a webhook receiver on this
machine: nothing leaves it. Redis is installed where it is missing and may be (FOREWARN_NO_INSTALL=1 forbids it).

Examples:
  $ npm run demo
  $ npm run demo -- --month 20s
  $ npm run demo -- --month 2s --once`;

const FAILURES = {
  missing: "not everything that was due has arrived; the faults are listed above",
  interrupted: "it was ended before everything that was due had arrived",
};

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 };
const SHORTEST_MS = 500;
const LONGEST_MS = 60 * 60_000;

const span = (text: string): number => {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const ms = Math.round(Number(count) * (UNITS[unit ?? ""] ?? Number.NaN));
  if (!(ms >= SHORTEST_MS && ms <= LONGEST_MS)) throw new InvalidArgumentError("Give 0.5s to 60m, as 20s.");
  return ms;
};

/** `forewarn demo`: the main job on real input, before one's eyes. */
export const demoCommand = (cli: Cli): Command =>
  new Command("demo")
    .description("play real API changes through an installation of its own, and watch them go out")
    .option("--month <span>", "let a month take that long, so that reminders fire while you watch", span)
    .option("--once", "end by itself when all that was due has arrived: 0, or 1 when anything is missing")
    .addHelpText("after", EXAMPLES)
    .action(async (options: { month?: number; once?: boolean }) => {
      const { playDemo } = await import("../demo/play-demo.ts").catch((error: unknown) => {
        if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
        throw new CommandFailure(EXIT.failed, "the demo needs the development packages: run `npm ci`");
      });
      const once = options.once ?? false;
      const ending = await playDemo({ monthMs: options.month ?? null, once }, cli.terminal);
      // Without `--once`, ending it is the only way out and no failure.
      if (ending === "missing" || (ending === "interrupted" && once))
        throw new CommandFailure(EXIT.failed, FAILURES[ending]);
    });
