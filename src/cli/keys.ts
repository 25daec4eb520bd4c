import { Command, Option } from "commander";
import { SCOPES } from "../ledger/keys.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { json } from "./client.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { printable } from "./terminal.ts";
import { moment, painted } from "./words.ts";

type KeyRow = { key: string; name: string; scopes: string[]; createdAt: string; revokedAt?: string | null };
type NewKey = KeyRow & { secret: string };

const createCommand = (cli: Cli): Command =>
  new Command("create")
    .description("make a key; it is shown once")
    .requiredOption("--name <text>", "who or what uses it")
    .addOption(
      new Option("--scope <scope...>", "what it may do: emit events, read, or everything")
        .choices(SCOPES)
        .makeOptionMandatory(),
    )
    .option(...JSON_FLAG)
    .addHelpText("after", '\nExample:\n  $ forewarn keys create --name "billing service" --scope emit')
    .action(async ({ name, scope, ...options }: JsonOption & { name: string; scope: string[] }) => {
      const { body } = await cli.client().send<NewKey>("POST", "/v1/keys", json({ name, scopes: scope }));
      cli.terminal.answer(options, body, () => body.secret);
      if (!options.json)
        cli.terminal.note(
          `key ${body.key} of ${printable(body.name)} (${body.scopes.join(", ")}): keep it, it is not shown again`,
        );
    });

const listCommand = (cli: Cli): Command =>
  addListOptions(new Command("list").description("list keys, without the keys themselves"))
    .addHelpText("after", "\nExample:\n  $ forewarn keys list")
    .action((options: ListOptions) =>
      printList<KeyRow>(cli, {
        path: "/v1/keys",
        query: {},
        options,
        columns: [
          { title: "key", of: (row) => cli.terminal.paint("bold", printable(row.key)) },
          { title: "name", of: (row) => printable(row.name), cut: true },
          { title: "scopes", of: (row) => row.scopes.join(", ") },
          { title: "created (UTC)", of: (row) => moment(row.createdAt) },
          { title: "status", of: (row) => painted(cli.terminal, row.revokedAt ? "revoked" : "active") },
        ],
        empty: "no keys",
      }),
    );

const revokeCommand = (cli: Cli): Command =>
  new Command("revoke")
    .description("end a key at once")
    .argument("<key>", "the key's id, as `forewarn keys list` shows it")
    .option(...JSON_FLAG)
    .addHelpText("after", "\nExample:\n  $ forewarn keys revoke 1f0c2a9b77de")
    .action(async (key: string, options: JsonOption) => {
      await cli.client().send("DELETE", `/v1/keys/${encodeURIComponent(key)}`);
      cli.terminal.answer(options, { key, status: "revoked" }, () => `revoked ${key}`);
    });

/** `forewarn keys …`: who may call the API. */
export const keysCommand = (cli: Cli): Command =>
  new Command("keys")
    .description("who may call the API: create, list, revoke")
    .addCommand(createCommand(cli))
    .addCommand(listCommand(cli))
    .addCommand(revokeCommand(cli));
