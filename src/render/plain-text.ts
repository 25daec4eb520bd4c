/** Control characters but for the line feed, and line separators that some readers take for one. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u2028\u2029]/g;

/** Characters that reorder or hide what is around them: bidirectional overrides, embeddings and isolates, tags, and fillers. */
const DECEIVERS = /[\u202A-\u202E\u2066-\u2069\u2060-\u2064\u200B\uFEFF\u{E0000}-\u{E007F}]/gu;

/**
 * A text of several lines as it may stand in a mail: well-formed Unicode, `\n` line ends, nothing that controls,
 * reorders or hides. Marks that languages need (joiners, RLM and LRM) stay.
 */
export const plainBlock = (text: string): string =>
  text.toWellFormed().replace(/\r\n?/g, "\n").replace(DECEIVERS, "").replace(CONTROLS, " ").trim();

/** Printable ASCII with single blanks within: nothing to take away. */
const PLAIN_LINE = /^[!-~]+(?: [!-~]+)*$/;

/**
 * The same on one line: fit for a header, a heading or a cell.
 *
 * @example plainLine("Old\r\nBcc: eve@example.com") // "Old Bcc: eve@example.com"
 */
export const plainLine = (text: string): string =>
  // Most names are plain, and each mail asks three times: 0.1 µs to see that instead of 0.4 (docs/performance.md).
  PLAIN_LINE.test(text) ? text : plainBlock(text).replace(/\s+/g, " ").trim();

/** `text` with at most `limit` UTF-16 units, cut between code points and ended by an ellipsis. */
export const clip = (text: string, limit: number): string =>
  text.length <= limit
    ? text
    : `${text
        .slice(0, limit - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Fit for HTML text and for a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
