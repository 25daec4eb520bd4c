import MarkdownIt from "markdown-it";
import sanitizeHtml from "sanitize-html";
import { plainBlock } from "./plain-text.ts";
import { safeLink } from "./safe-link.ts";

const markdown = new MarkdownIt("default", { html: false, linkify: true, typographer: false, breaks: false });
// Bare words such as `api.example` are no links; only whole addresses are.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
// An image would be fetched from the reader's mail client and tell when and where it is read.
markdown.disable("image");
// A block of code is one element, so that its style is not doubled by a `code` inside.
const block = (content: string): string => `<pre>${markdown.utils.escapeHtml(content)}</pre>\n`;
markdown.renderer.rules["fence"] = (tokens, no) => block(tokens[no]?.content ?? "");
markdown.renderer.rules["code_block"] = (tokens, no) => block(tokens[no]?.content ?? "");

const MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace";
const HEADING = "margin:24px 0 8px;font-weight:600;line-height:1.35";
const CELL = "padding:6px 10px;border:1px solid #e4e4e7;text-align:left";

/** Every tag that may come out, with its style: mail clients drop style sheets, so it stands on the tag. */
const STYLES: Readonly<Record<string, string>> = {
  p: "margin:0 0 12px",
  h1: `${HEADING};font-size:18px`,
  h2: `${HEADING};font-size:17px`,
  h3: `${HEADING};font-size:16px`,
  h4: `${HEADING};font-size:15px`,
  h5: `${HEADING};font-size:15px`,
  h6: `${HEADING};font-size:15px`,
  ul: "margin:0 0 12px;padding-left:22px",
  ol: "margin:0 0 12px;padding-left:22px",
  li: "margin:0 0 4px",
  a: "color:#4338ca;text-decoration:underline;word-break:break-word",
  code: `${MONO};font-size:13px;background-color:#f4f4f5;border-radius:4px;padding:1px 4px;word-break:break-word`,
  pre: `${MONO};font-size:13px;line-height:1.5;margin:0 0 12px;padding:12px 14px;background-color:#f4f4f5;border-radius:8px;white-space:pre-wrap;word-break:break-word`,
  blockquote: "margin:0 0 12px;padding:2px 0 2px 14px;border-left:3px solid #d4d4d8",
  table: "border-collapse:collapse;margin:0 0 12px;font-size:14px",
  th: `${CELL};font-weight:600`,
  td: CELL,
  hr: "border:0;border-top:1px solid #e4e4e7;margin:20px 0",
  strong: "font-weight:600",
  em: "font-style:italic",
  s: "text-decoration:line-through",
  thead: "",
  tbody: "",
  tr: "",
  br: "",
};

const styled = (tagName: string): sanitizeHtml.Tag => {
  const style = STYLES[tagName];
  return { tagName, attribs: style ? { style } : {} };
};

const linked: sanitizeHtml.Transformer = (_tag, attribs) => {
  const href = safeLink(attribs["href"] ?? "");
  if (href === null) return { tagName: "span", attribs: {} };
  return {
    tagName: "a",
    attribs: { href, target: "_blank", rel: "noopener noreferrer nofollow", style: STYLES["a"] ?? "" },
  };
};

const RULES: sanitizeHtml.IOptions = {
  allowedTags: [...Object.keys(STYLES), "span"],
  allowedAttributes: { "*": ["style"], a: ["href", "target", "rel", "style"] },
  allowedSchemes: ["http", "https", "mailto"],
  allowProtocolRelative: false,
  // Every attribute is ours (see `styled`), so there is no foreign style to parse.
  parseStyleAttributes: false,
  nestingLimit: 40,
  transformTags: { ...Object.fromEntries(Object.keys(STYLES).map((tag) => [tag, () => styled(tag)])), a: linked },
};

/**
 * Markdown of an event as HTML that is safe in a mail and on a page: no raw HTML, no images, nothing fetched, links only
 * to absolute `http`, `https` and `mailto` addresses (others lose the link and keep the words).
 *
 * @example renderMarkdown("**new** `v2`") // '<p style="…"><strong style="…">new</strong> <code style="…">v2</code></p>\n'
 */
export const renderMarkdown = (source: string): string => sanitizeHtml(markdown.render(plainBlock(source)), RULES);
