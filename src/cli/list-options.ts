import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "./cli.ts";
import { JSON_FLAG, type JsonOption } from "./cli.ts";
import { type Column, table } from "./table.ts";

export type ListOptions = JsonOption & { limit: number };

const positive = (text: string): number => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("Give a whole number from 1.");
  return Number(text);
};

/** What every list takes. */
export const addListOptions = (command: Command): Command =>
  command.option("--limit <count>", "how many to show at most", positive, 100).option(...JSON_FLAG);

/** Prints a list of the API as a table (`{items, next}` with `--json`) and says when there is more. */
export const printList = async <Row>(
  cli: Cli,
  {
    path,
    query,
    options,
    columns,
    empty,
    whenEmpty,
  }: {
    path: string;
    query: Record<string, string | undefined>;
    options: ListOptions;
    columns: readonly Column<Row>[];
    empty: string;
    /** Looks whether what the list was asked for exists at all; throws CommandFailure when it does not. */
    whenEmpty?: () => Promise<unknown>;
  },
): Promise<void> => {
  const list = await cli.client().list<Row>(path, query, options.limit);
  if (list.items.length === 0) await whenEmpty?.();
  cli.terminal.answer(options, list, () => table(cli.terminal, columns, list.items, empty));
  if (list.next !== null) cli.terminal.note(`the first ${options.limit} are shown; there are more: --limit <count>`);
};
