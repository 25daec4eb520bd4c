import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TRANSITIONS } from "../src/domain/delivery.ts";

/**
 * `node docs/print-states.ts` prints the state machines of docs/architecture.md from their tables in src/domain;
 * `--write` puts them where the page has their marks.
 */

/** The page that shows the diagrams, each between `<!-- states:NAME -->` and `<!-- /states -->`. */
export const STATES_PAGE = fileURLToPath(new URL("architecture.md", import.meta.url));

type Table = Readonly<Record<string, readonly string[]>>;

/** Every state machine that is a table, by the name in its mark. */
export const STATE_TABLES: Readonly<Record<string, Table>> = { delivery: TRANSITIONS };

/** A table of moves as a Mermaid diagram: the first state is where all begin, those without a move are where they end. */
export const printStates = (table: Table): string => {
  const [first] = Object.keys(table);
  const moves = Object.entries(table).flatMap(([from, to]) =>
    to.length === 0 ? [`${from} --> [*]`] : to.map((state) => `${from} --> ${state}`),
  );
  return ["```mermaid", "stateDiagram-v2", ...[`[*] --> ${first}`, ...moves].map((move) => `  ${move}`), "```"].join(
    "\n",
  );
};

/** `page` with each diagram printed anew. Throws when a table has no mark, or a mark no table. */
export const withStates = (page: string): string => {
  const printed = new Set<string>();
  const text = page.replace(
    /(<!-- states:(\w+) -->\n).*?(<!-- \/states -->)/gs,
    (_, open: string, name: string, end) => {
      const table = STATE_TABLES[name];
      if (!table) throw new Error(`no state machine is named ${name}`);
      printed.add(name);
      return `${open}\n${printStates(table)}\n\n${end}`;
    },
  );
  for (const name of Object.keys(STATE_TABLES))
    if (!printed.has(name)) throw new Error(`docs/architecture.md has no place marked states:${name}`);
  return text;
};

if (import.meta.main) {
  if (process.argv.includes("--write")) writeFileSync(STATES_PAGE, withStates(readFileSync(STATES_PAGE, "utf8")));
  else for (const [name, table] of Object.entries(STATE_TABLES)) console.log(`${name}\n\n${printStates(table)}\n`);
}
