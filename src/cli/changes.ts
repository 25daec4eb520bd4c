import { Command, Option } from "commander";
import { CATEGORIES } from "../domain/category.ts";
import { CHANGE_STATUSES } from "../domain/change.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Cli } from "./cli.ts";
import { askPauseLines } from "./pause-lines.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { printable } from "./terminal.ts";
import { moment, painted } from "./words.ts";

type ChangeRow = {
  change: string;
  revision: number;
  status: string;
  category: string;
  service: string;
  businessCritical: boolean;
  title: string;
  releaseAt?: string;
  verdict: Verdict | null;
};
type Filters = ListOptions & { category?: string; service?: string; status?: string };

const EXAMPLES = `
Examples:
  $ forewarn changes --category major --status announced
  $ forewarn changes --service api --json`;

/** `forewarn changes`: every change with its verdict. */
export const changesCommand = (cli: Cli): Command =>
  addListOptions(
    new Command("changes")
      .description("list changes")
      .addOption(new Option("--category <category>", "only these").choices(CATEGORIES))
      .option("--service <id>", "only of this service")
      .addOption(new Option("--status <status>", "only these").choices(CHANGE_STATUSES)),
  )
    .addHelpText("after", EXAMPLES)
    .action(async ({ category, service, status, ...options }: Filters) => {
      const { terminal } = cli;
      if (!options.json) for (const line of await askPauseLines(cli)) terminal.print(line);
      await printList<ChangeRow>(cli, {
        path: "/v1/changes",
        query: { category, service, status },
        options,
        columns: [
          { title: "change", of: (row) => terminal.paint("bold", printable(row.change)) },
          { title: "rev", of: (row) => row.revision, align: "right" },
          { title: "status", of: (row) => painted(terminal, row.status) },
          {
            title: "category",
            of: (row) => painted(terminal, row.category) + (row.businessCritical ? " (critical)" : ""),
          },
          { title: "service", of: (row) => printable(row.service) },
          { title: "release (UTC)", of: (row) => moment(row.releaseAt) },
          { title: "verdict", of: (row) => painted(terminal, row.verdict?.status ?? "") },
          { title: "title", of: (row) => printable(row.title), cut: true },
        ],
        empty: "no changes yet: `forewarn emit --help` shows how to send one",
      });
    });
