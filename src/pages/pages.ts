import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Liquid } from "liquidjs";

/** Every page there is; a file of the same name in the operator's folder is taken instead. */
export type PageName =
  `${"change" | "home" | "unsubscribe" | "closed" | "changelog" | "record" | "proof" | "problem"}.html.liquid`;

export type Pages = {
  /** The whole HTML document; all output is escaped but for what a template marks raw. */
  render(name: PageName, view: object): Promise<string>;
  /** Nothing but the page's own style and forms to where it came from: no script, no frame, nothing fetched. */
  contentSecurityPolicy: string;
};

export type PagesDeps = {
  folder: string | undefined;
  /** Whose pages they are. */
  brand: string;
  publicUrl: string;
};

const FOLDER = fileURLToPath(new URL("./templates/", import.meta.url));
const RENDER_LIMIT_MS = 2_000;

/** The pages that partners and developers read, over one style sheet that stands in the document. */
export const makePages = ({ folder, brand, publicUrl }: PagesDeps): Pages => {
  const style = readFileSync(`${FOLDER}page.css`, "utf8");
  const digest = createHash("sha256").update(style).digest("base64");
  // Links within the pages name no host, so that they work at whichever address they are read.
  const root = new URL(publicUrl).pathname.replace(/\/$/, "");
  const engine = new Liquid({
    root: folder === undefined ? [FOLDER] : [folder, FOLDER],
    outputEscape: "escape",
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    relativeReference: false,
    renderLimit: RENDER_LIMIT_MS,
    cache: true,
  });
  return {
    render: async (name, view) => String(await engine.renderFile(name, { ...view, style, brand, root })),
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  };
};
