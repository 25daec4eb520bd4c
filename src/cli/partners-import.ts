import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { type Readable, Transform } from "node:stream";
import { Command, Option } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { makeProgress } from "./progress.ts";
import { openSecretsSink } from "./secrets-sink.ts";
import { counted } from "../counted.ts";

const CONTENT_TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" } as const;
type Format = keyof typeof CONTENT_TYPES;
const FORMAT_OF: Record<string, Format> = { ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson" };

type Options = JsonOption & { format?: Format; secrets?: string };

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

/** `2 partners created, 1 updated; `, as the answer's headers count them. */
const partnersSentence = (headers: Readonly<Record<string, unknown>>): string => {
  const [all, created] = [Number(headers["forewarn-partners"]), Number(headers["forewarn-created"])];
  return Number.isNaN(all + created) ? "" : `${counted(created, "partner")} created, ${all - created} updated; `;
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
      const { body, bytes } = await open(cli, file);
      const sink = await openSecretsSink(cli.terminal, options);
      const bar = makeProgress(cli.terminal, `sending ${file}`, bytes ?? 0);
      const passing = body.pipe(counting((passed) => bytes !== null && bar.advanceTo(passed)));
      body.on("error", (error) => passing.destroy(error));
      let webhooks: number;
      let partners = "";
      try {
        const sent = { contentType: CONTENT_TYPES[format], body: passing };
        const { lines, headers } = await cli.client().stream("/v1/partners/import", sent);
        partners = partnersSentence(headers);
        for await (const line of lines) {
          bar.end();
          await sink.take(line);
        }
      } finally {
        bar.end();
        webhooks = await sink.end();
      }
      const where = options.secrets && webhooks > 0 ? `, secrets in ${options.secrets}` : "";
      cli.terminal.note(`imported ${file}: ${partners}${counted(webhooks, "new webhook")}${where}`);
    });
