import { Command } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { json } from "./client.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { printable } from "./terminal.ts";

type ServiceRow = { service: string; title: string; businessCritical: boolean };

const describe = (row: ServiceRow): string =>
  `${printable(row.service)}: ${printable(row.title)}${row.businessCritical ? " (business critical)" : ""}`;

const listCommand = (cli: Cli): Command =>
  addListOptions(new Command("list").description("list services"))
    .addHelpText("after", "\nExample:\n  $ forewarn services list")
    .action((options: ListOptions) =>
      printList<ServiceRow>(cli, {
        path: "/v1/services",
        query: {},
        options,
        columns: [
          { title: "service", of: (row) => cli.terminal.paint("bold", printable(row.service)) },
          { title: "title", of: (row) => printable(row.title), cut: true },
          { title: "business critical", of: (row) => (row.businessCritical ? "yes" : "") },
        ],
        empty: "no services yet: `forewarn services add --help` shows how to add one",
      }),
    );

const addCommand = (cli: Cli): Command =>
  new Command("add")
    .description("add a service, or change the one of that id")
    .argument("<id>", "letters, digits, `_` or `-`")
    .option("--title <text>", "what people call it (default: its id)")
    .option("--business-critical", "its major changes demand the longer notice")
    .option(...JSON_FLAG)
    .addHelpText("after", '\nExample:\n  $ forewarn services add payments --title "Payments API" --business-critical')
    .action(async (id: string, options: JsonOption & { title?: string; businessCritical?: boolean }) => {
      const service = { service: id, title: options.title ?? id, businessCritical: options.businessCritical ?? false };
      const { body } = await cli
        .client()
        .send<ServiceRow>("PUT", `/v1/services/${encodeURIComponent(id)}`, json(service));
      cli.terminal.answer(options, body, () => describe(body));
    });

/** `forewarn services …`: what partners subscribe to and changes belong to. */
export const servicesCommand = (cli: Cli): Command =>
  new Command("services")
    .description("what partners subscribe to and changes belong to: add, list")
    .addCommand(addCommand(cli))
    .addCommand(listCommand(cli));
