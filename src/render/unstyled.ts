import sanitizeHtml from "sanitize-html";

/** Rendered Markdown for where mails' styles are of no use: pages have a sheet of their own, and readers of feeds theirs. */
export const unstyled = (html: string): string =>
  sanitizeHtml(html, { allowedAttributes: { a: ["href", "target", "rel"] }, nestingLimit: 60 });
