import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import type { Terminal } from "./terminal.ts";

/** `cut`: the one column that gives way where the terminal is too narrow. */
export type Column<Row> = {
  title: string;
  of: (row: Row) => string | number | null | undefined;
  align?: "left" | "right";
  cut?: boolean;
};

const GAP = 2;
const NARROWEST = 12;
const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
}; // prettier-ignore

const widthOf = (text: string): number =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split("\n")
      .map((line) => Array.from(line).length),
  );

/** Aligned columns two blanks apart under a dim heading; `empty` is said instead of a table without rows. */
export const table = <Row>(
  terminal: Pick<Terminal, "paint" | "width">,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty: string,
): string => {
  if (rows.length === 0) return terminal.paint("dim", empty);
  const cells = rows.map((row) => columns.map((column) => String(column.of(row) ?? "")));
  const natural = columns.map((column, at) =>
    Math.max(widthOf(column.title), ...cells.map((row) => widthOf(row[at] ?? ""))),
  );
  const over =
    natural.reduce((sum, width) => sum + width + GAP, 0) - GAP - (terminal.width ?? Number.POSITIVE_INFINITY);
  const widths = natural.map((width, at) =>
    columns[at]?.cut && over > 0 ? Math.max(NARROWEST, width - over) + GAP : null,
  );
  const grid = new Table({
    head: columns.map((column) => terminal.paint("dim", column.title)),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": GAP, compact: true },
    colAligns: columns.map((column) => column.align ?? "left"),
    colWidths: widths,
  });
  grid.push(...cells);
  return grid
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
};
