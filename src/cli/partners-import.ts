import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { type Readable, Transform, type Writable } from "node:stream";
import { once } from "node:events";
import { Command, Option } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { makeProgress } from "./progress.ts";
import { printable } from "./terminal.ts";
import { counted } from "./words.ts";

const CONTENT_TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" } as const;
type Format = keyof typeof CONTENT_TYPES;
const FORMAT_OF: Record<string, Format> = { ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson" };

type Options = JsonOption & { format?: Format; secrets?: string };
type NewWebhook = { partner: string; endpoint: string; channel: string; address: string; secret: string };

const EXAMPLES = `
CSV has the columns partner,name,email,webhook,timeZone,locale,subscriptions; several values in a cell
are separated by blanks. NDJSON has a partner a line, as \`POST /v1/partners\` takes it. Either all lines
are taken or none. The secret of each new webhook is answered once, and never again.

Examples:
  $ forewarn partners import partners.csv --secrets secrets.ndjson
  $ export-partners | forewarn partners import - --format ndjson`;

const formatOf = (file: string, given: Format | undefined): Format => {
  const format = given ?? FORMAT_OF[extname(file).toLowerCase()];
  if (!format)
    throw new CommandFailure(EXIT.usage, `${file} is neither .csv nor .ndjson: say which with --format csv|ndjson`);
  return format;
};

const open = async (cli: Cli, file: string): Promise<{ body: Readable; bytes: number | null }> => {
  if (file === "-") return { body: cli.stdin, bytes: null };
  try {
    const { size } = await stat(file);
    return { body: createReadStream(file), bytes: size };
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
};

/** Counts what passes, so that a bar can show it. */
const counting = (passed: (bytes: number) => void): Transform => {
  let total = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      passed((total += part.length));
      done(null, part);
    },
  });
};

/** Where each new webhook's secret goes: a private file, NDJSON on standard output, or aligned lines for people. */
const secretsSink = (cli: Cli, options: Options): { take(line: string): Promise<void>; end(): Promise<void> } => {
  if (options.secrets) {
    const file: Writable = createWriteStream(options.secrets, { mode: 0o600, flags: "wx" });
    const failed = once(file, "error").then(([error]) => {
      throw new CommandFailure(EXIT.failed, `${options.secrets} cannot be written: ${(error as Error).message}`);
    });
    return {
      take: async (line) => {
        if (!file.write(`${line}\n`)) await Promise.race([once(file, "drain"), failed]);
      },
      end: async () => {
        file.end();
        await Promise.race([once(file, "close"), failed]);
      },
    };
  }
  const show = (line: string): string => {
    const { partner, endpoint, secret } = JSON.parse(line) as NewWebhook;
    return `${printable(partner).padEnd(24)}  ${endpoint.padEnd(10)}  ${secret}`;
  };
  return {
    take: async (line) => cli.terminal.print(options.json ? line : show(line)),
    end: async () => {},
  };
};

/** `forewarn partners import <file>`: creates and updates partners, in flat memory however many there are. */
export const partnersImportCommand = (cli: Cli): Command =>
  new Command("import")
    .description("create and update partners from CSV or NDJSON, all or none")
    .argument("<file>", "a .csv or .ndjson file; `-` is standard input")
    .addOption(new Option("--format <format>", "what the file holds (default: by its name)").choices(["csv", "ndjson"]))
    .option("--secrets <file>", "write the new webhooks' secrets there as NDJSON, instead of showing them")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, options: Options) => {
      const format = formatOf(file, options.format);
      const sink = secretsSink(cli, options);
      const { body, bytes } = await open(cli, file);
      const bar = makeProgress(cli.terminal, `sending ${file}`, bytes ?? 0);
      const counted_ = body.pipe(counting((passed) => bytes !== null && bar.advanceTo(passed)));
      body.on("error", (error) => counted_.destroy(error));
      let webhooks = 0;
      try {
        const lines = await cli.client().stream("/v1/partners/import", {
          contentType: CONTENT_TYPES[format],
          body: counted_,
        });
        bar.end();
        for await (const line of lines) {
          await sink.take(line);
          webhooks += 1;
        }
      } finally {
        bar.end();
        await sink.end();
      }
      cli.terminal.note(
        `imported ${file}; ${counted(webhooks, "new webhook")}${options.secrets ? `, secrets in ${options.secrets}` : ""}`,
      );
    });
