import { Command } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";

/** The two of them: what each is called, does and says. */
const HOLDS = {
  pause: {
    does: "hold sending, of one change or of all; what is due waits",
    said: (what: string) => `paused ${what}: events are accepted and planned, nothing is sent`,
  },
  resume: {
    does: "send again what was held, of one change or of all",
    said: (what: string) => `resumed ${what}: what is due goes out`,
  },
} as const;

/** `forewarn pause [change]`, `forewarn resume [change]`. */
export const holdCommand = (cli: Cli, name: keyof typeof HOLDS): Command =>
  new Command(name)
    .description(HOLDS[name].does)
    .argument("[change]", "only this change (default: all)")
    .option(...JSON_FLAG)
    .addHelpText("after", `\nExamples:\n  $ forewarn ${name}\n  $ forewarn ${name} CHG-1042`)
    .action(async (change: string | undefined, options: JsonOption) => {
      const path = change === undefined ? `/v1/${name}` : `/v1/changes/${encodeURIComponent(change)}/${name}`;
      const { body } = await cli.client().send<unknown>("POST", path);
      cli.terminal.answer(options, body, () => HOLDS[name].said(change ?? "everything"));
    });
