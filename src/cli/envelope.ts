import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { Option } from "commander";
import { CATEGORIES } from "../domain/category.ts";
import type { Cli } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";

/** Options that spell an event, next to a file or standard input that holds one. */
export type EventFlags = {
  type?: string;
  change?: string;
  category?: string;
  service?: string;
  title?: string;
  summary?: string;
  details?: string;
  releaseAt?: string;
  testFrom?: string;
  businessCritical?: boolean;
  action?: string;
  affects?: string[];
  contact?: string;
  reason?: string;
  minor?: boolean;
  releasedAt?: string;
  source?: string;
  id?: string;
  time?: string;
};

/** `forewarn.change.<kind>`; spelled here, because what reads events loads the whole calendar. */
const EVENT_TYPE_PREFIX: typeof import("../domain/event.ts").EVENT_TYPE_PREFIX = "forewarn.change.";
const EVENT_KINDS: typeof import("../domain/event.ts").EVENT_KINDS = ["created", "updated", "cancelled", "released"];
const ENVELOPE_FLAGS = ["type", "source", "id", "time"] as const;
const LARGEST_BYTES = 10 * 1024 * 1024;

export const addEventFlags = (command: Command): Command =>
  command
    .argument("[file]", "a CloudEvents envelope, or a list of them, as JSON; `-` is standard input")
    .optionsGroup("The event, when no file holds it:")
    .addOption(new Option("--type <kind>", "what happened to the change").choices(EVENT_KINDS))
    .option("--change <id>", "the change's id, as CHG-1042")
    .addOption(new Option("--category <category>", "how much it asks of partners").choices(CATEGORIES))
    .option("--service <id>", "the service that it belongs to")
    .option("--title <text>", "one line that says what will be different")
    .option("--summary <text>", "a few sentences")
    .option("--details <markdown>", "everything a partner's engineer needs")
    .option("--release-at <date>", "2027-03-01, or a time with its offset")
    .option("--test-from <date>", "from when partners can try it")
    .option("--business-critical", "demands the longer notice (default: as the service)")
    .option("--no-business-critical", "demands the shorter notice (default: as the service)")
    .option("--action <text>", "what partners must do")
    .option("--affects <what...>", "endpoints or fields that it touches")
    .option("--contact <address>", "whom partners may ask")
    .option("--reason <text>", "why the date or category moved, or why it is cancelled")
    .option("--minor", "a correction that nobody need be told of")
    .option("--released-at <time>", "when it was released (default: now)")
    .option("--source <uri>", "who says so", "/forewarn/cli")
    .option("--id <id>", "the event's own id, the same when sent again (default: made up)")
    .option("--time <time>", "when it happened (default: now)")
    .optionsGroup("Options:");

/** The envelope that the flags spell. */
const spelled = ({ flags, clock }: { flags: EventFlags; clock: Cli["clock"] }): unknown => {
  const fields = Object.entries(flags).filter(([name]) => !(ENVELOPE_FLAGS as readonly string[]).includes(name));
  return {
    specversion: "1.0",
    id: flags.id ?? randomUUID(),
    source: flags.source,
    type: `${EVENT_TYPE_PREFIX}${flags.type ?? "created"}`,
    time: flags.time ?? clock.now().toISOString(),
    data: Object.fromEntries(fields),
  };
};

const read = async (cli: Cli, file: string): Promise<string> => {
  try {
    return file === "-" ? await text(cli.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
};

/**
 * The events that a command was given: from a file or standard input as they are, from flags with the envelope filled in.
 * A list is a batch. What an event says is judged by the server alone.
 */
export const readEvents = async (
  cli: Cli,
  { file, flags }: { file: string | undefined; flags: EventFlags },
): Promise<{ events: unknown[]; batch: boolean }> => {
  const spelledOut = Object.keys(flags).some((name) => name !== "source");
  if (file !== undefined && spelledOut)
    throw new CommandFailure(EXIT.usage, "give either a file or the event's flags, not both");
  if (file === undefined && spelledOut) {
    if (!flags.change) throw new CommandFailure(EXIT.usage, "--change is missing: name the change, as CHG-1042");
    return { events: [spelled({ flags, clock: cli.clock })], batch: false };
  }
  if (file === undefined && cli.stdin.isTTY)
    throw new CommandFailure(EXIT.usage, "no event was given: name a file, pipe one in, or spell it with flags");
  const content = await read(cli, file ?? "-");
  if (content.length > LARGEST_BYTES) throw new CommandFailure(EXIT.usage, `${file ?? "-"} is larger than 10 MiB`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `${file ?? "-"} is not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(parsed) && parsed.length === 0)
    throw new CommandFailure(EXIT.usage, `${file ?? "-"} is an empty list: there is no event to send`);
  return Array.isArray(parsed) ? { events: parsed, batch: true } : { events: [parsed], batch: false };
};
