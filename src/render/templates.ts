import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Liquid, LiquidError } from "liquidjs";

/** Every template there is; a file of the same name in the operator's folder is taken instead. */
export const TEMPLATES = ["notice.html.liquid", "notice.text.liquid"] as const;
export type TemplateName = (typeof TEMPLATES)[number];

/** A template that cannot be read or rendered; `file` and `line` say where, `problem` what. */
export class TemplateError extends Error {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
  constructor(where: { file: string; line: number }, problem: string) {
    super(`${where.file}, line ${where.line}: ${problem}`);
    this.name = "TemplateError";
    this.file = where.file;
    this.line = where.line;
    this.problem = problem;
  }
}

export type Templates = {
  /** Output is HTML-escaped in `.html.liquid`, plain in `.text.liquid`. Throws TemplateError. */
  render(name: TemplateName, view: object): string;
};

const BUILT_IN = fileURLToPath(new URL("./templates/", import.meta.url));
const RENDER_LIMIT_MS = 2_000;

/** A file as people would type it from here. */
export const shown = (file: string): string => {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
};

/** The library's fault as a TemplateError; anything else as it is. */
export const located = (name: string, fault: unknown): unknown => {
  if (!LiquidError.is(fault)) return fault;
  const [line] = fault.token.getPosition();
  // Only the problem: the library appends file and position in a form of its own.
  const problem = (fault.message.split(/, (?:file|line):/)[0] ?? fault.message).trim();
  return new TemplateError({ file: shown(fault.token.file ?? name), line: line ?? 1 }, problem);
};

/**
 * The built-in templates, or the operator's own where `folder` has one of the same name. All are parsed at once, so a
 * fault stops the start rather than a notice. An unknown variable or filter is a fault too.
 */
export const makeTemplates = ({ folder }: { folder: string | undefined }): Templates => {
  const root = folder === undefined ? [BUILT_IN] : [folder, BUILT_IN];
  const shared = {
    root,
    relativeReference: false,
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    renderLimit: RENDER_LIMIT_MS,
    trimTagLeft: false,
    cache: true,
  };
  const html = new Liquid({ ...shared, outputEscape: "escape" });
  const text = new Liquid(shared);
  const engineOf = (name: TemplateName): Liquid => (name.endsWith(".html.liquid") ? html : text);
  const attempt = <T>(name: TemplateName, work: () => T): T => {
    try {
      return work();
    } catch (fault) {
      throw located(name, fault);
    }
  };

  const parsed = new Map(TEMPLATES.map((name) => [name, attempt(name, () => engineOf(name).parseFileSync(name))]));
  return {
    render: (name, view) => attempt(name, () => String(engineOf(name).renderSync(parsed.get(name) ?? [], view))),
  };
};
