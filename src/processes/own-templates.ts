import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Liquid } from "liquidjs";
import { ConfigError } from "../config.ts";
import { type Fault, unknownName } from "../domain/fault.ts";
import { located, shown, TemplateError } from "../render/templates.ts";

const BUILT_IN = ["../render/templates/", "../pages/templates/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const isTemplate = (name: string): boolean => name.endsWith(".liquid");

type Source = { name: string; file: string; text: string };

const sourcesOf = (folder: string): Source[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => ({ name, file: join(folder, name), text: readFileSync(join(folder, name), "utf8") }));

const syntaxFaults = (engine: Liquid, { file, text }: Source): Fault[] => {
  try {
    engine.parse(text, file);
    return [];
  } catch (error) {
    const fault = located(file, error);
    if (!(fault instanceof TemplateError)) throw fault;
    return [{ path: `${fault.file}, line ${fault.line}`, message: fault.problem }];
  }
};

/** A file that nothing would ever read: its name is no template's, and no file beside it takes it in by `render` or `layout`. */
const strangerFaults = (sources: readonly Source[]): Fault[] => {
  const known = BUILT_IN.flatMap((folder) => readdirSync(folder).filter(isTemplate));
  return sources
    .filter(({ name }) => !known.includes(name))
    .filter(({ name }) => !sources.some((other) => other.name !== name && other.text.includes(name)))
    .map(({ name, file }) => ({ path: shown(file), message: unknownName(name, known) }));
};

/**
 * Sees that the operator's own templates can be read, of notices and of pages, and that each file there is one.
 * Throws ConfigError with every fault: otherwise the mails would fail, or go out in the built-in words.
 */
export const checkTemplates = (folder: string | undefined): void => {
  if (folder === undefined) return;
  let sources: Source[];
  try {
    sources = sourcesOf(folder);
  } catch (error) {
    throw new ConfigError([{ path: "FOREWARN_TEMPLATES", message: `cannot be read: ${(error as Error).message}` }]);
  }
  const engine = new Liquid({ strictFilters: true });
  const faults = [
    ...strangerFaults(sources),
    ...sources.filter(({ name }) => isTemplate(name)).flatMap((source) => syntaxFaults(engine, source)),
  ];
  if (faults.length > 0)
    throw new ConfigError(faults.map(({ path, message }) => ({ path: `FOREWARN_TEMPLATES ${path}`, message })));
};
