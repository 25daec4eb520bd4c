import { Command } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { partnersImportCommand } from "./partners-import.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { painted } from "./words.ts";

type PartnerRow = {
  partner: string;
  name: string;
  locale: string;
  timeZone: string;
  subscriptions: string[];
  endpoints?: { channel: string }[];
};

const channelsOf = (row: PartnerRow): string =>
  ["email", "webhook"]
    .map(
      (channel) => [channel, (row.endpoints ?? []).filter((endpoint) => endpoint.channel === channel).length] as const,
    )
    .filter(([, count]) => count > 0)
    .map(([channel, count]) => (count === 1 ? channel : `${count} ${channel}`))
    .join(", ");

const listCommand = (cli: Cli): Command =>
  addListOptions(new Command("list").description("list partners"))
    .addHelpText("after", "\nExample:\n  $ forewarn partners list --limit 20")
    .action((options: ListOptions) =>
      printList<PartnerRow>(cli, {
        path: "/v1/partners",
        query: {},
        options,
        columns: [
          { title: "partner", of: (row) => cli.terminal.paint("bold", printable(row.partner)) },
          { title: "name", of: (row) => printable(row.name), cut: true },
          { title: "channels", of: channelsOf },
          { title: "time zone", of: (row) => row.timeZone },
          { title: "locale", of: (row) => row.locale },
          { title: "subscriptions", of: (row) => printable(row.subscriptions.join(" ")) },
        ],
        empty: "no partners yet: `forewarn partners import --help` shows how to bring them in",
      }),
    );

type PartnerView = Omit<PartnerRow, "endpoints"> & {
  holidays: string[];
  endpoints: { endpoint: string; channel: string; address: string; role: string; status: string }[];
};

const partnerView = (terminal: Terminal, it: PartnerView): string =>
  [
    `${terminal.paint("bold", printable(it.partner))}  ${printable(it.name)}`,
    "",
    `time zone      ${it.timeZone}`,
    `locale         ${it.locale}`,
    `subscriptions  ${printable(it.subscriptions.join(" ")) || "none: it is told of nothing"}`,
    ...(it.holidays.length > 0 ? [`holidays       ${it.holidays.join(" ")}`] : []),
    "",
    table(
      terminal,
      [
        { title: "endpoint", of: (row) => row.endpoint },
        { title: "channel", of: (row) => row.channel },
        { title: "role", of: (row) => row.role },
        { title: "status", of: (row) => painted(terminal, row.status) },
        { title: "address", of: (row) => printable(row.address), cut: true },
      ],
      it.endpoints,
      "no endpoint: nothing reaches it",
    ),
  ].join("\n");

const showCommand = (cli: Cli): Command =>
  new Command("show")
    .description("show one partner with its endpoints: their ids, which `replay` needs, and their status")
    .argument("<id>", "the partner's id")
    .option(...JSON_FLAG)
    .addHelpText("after", "\nExample:\n  $ forewarn partners show acme")
    .action(async (id: string, options: JsonOption) => {
      const partner = await cli.client().get<PartnerView>(`/v1/partners/${encodeURIComponent(id)}`);
      cli.terminal.answer(options, partner, () => partnerView(cli.terminal, partner));
    });

/** `forewarn partners …`: who must be told. */
export const partnersCommand = (cli: Cli): Command =>
  new Command("partners")
    .description("who must be told: import, list, show")
    .addCommand(partnersImportCommand(cli))
    .addCommand(listCommand(cli))
    .addCommand(showCommand(cli));
