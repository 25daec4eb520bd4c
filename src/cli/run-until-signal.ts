import type { Config } from "../config.ts";
import { makeLog } from "../log.ts";
import { startEverything } from "../processes/everything.ts";
import { showPauses } from "../flow/show-pauses.ts";
import { firstSignal } from "../processes/first-signal.ts";
import { nearby } from "./nearby.ts";
import { pauseLines } from "./pause-lines.ts";
import type { Terminal } from "./terminal.ts";

/** Runs everything until SIGTERM or Ctrl-C, then drains it. The log is on standard output, words for people on standard error. */
export const runUntilSignal = async (config: Config, terminal: Terminal): Promise<void> => {
  const signal = firstSignal();
  const everything = await startEverything(config, makeLog(config.logLevel));
  const pauses = await showPauses(everything.parts.ledger);
  for (const line of [...welcome({ ...everything, config }), ...pauseLines(terminal, pauses)]) terminal.note(line);
  const came = await signal;
  terminal.note(`${came}: finishing what is in flight (once more ends it at once)`);
  await everything.stop();
};

const welcome = ({
  address,
  adminKey,
  config,
}: {
  address: string;
  adminKey: string | null;
  config: Config;
}): string[] => [
  `Forewarn listens at ${address}`,
  `  documentation  ${address}/docs`,
  `  data folder    ${nearby(config.dataFolder)}`,
  ...(adminKey ? [`  admin key      ${adminKey}  (shown once; kept in the data folder for the CLI)`] : []),
  ...(config.smtpUrl ? [] : ["  mails wait until SMTP_URL is set"]),
];
