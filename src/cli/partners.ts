import { Command } from "commander";
import type { Cli } from "./cli.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { partnersImportCommand } from "./partners-import.ts";
import { printable } from "./terminal.ts";

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

/** `forewarn partners …`: who must be told. */
export const partnersCommand = (cli: Cli): Command =>
  new Command("partners")
    .description("who must be told: import, list")
    .addCommand(partnersImportCommand(cli))
    .addCommand(listCommand(cli));
