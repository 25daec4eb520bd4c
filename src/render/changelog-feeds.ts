import type { ChangeStatus } from "../domain/change.ts";
import type { RecordedChange } from "../ledger/changelog.ts";
import { renderMarkdown } from "./markdown.ts";
import { escapeHtml, plainBlock, plainLine } from "./plain-text.ts";
import { changelogPage } from "./public-links.ts";
import { momentOf, releasedEarly } from "./release-words.ts";
import { unstyled } from "./unstyled.ts";
import { type WordKey, wordsFor } from "./words.ts";

export type FeedInput = {
  /** The latest revised first. */
  changes: readonly RecordedChange[];
  /** Who publishes it. */
  author: string;
  publicUrl: string;
};

const words = wordsFor("en");

const LABELS: Readonly<Partial<Record<ChangeStatus, WordKey>>> = {
  cancelled: "label.releaseAt.cancelled",
  released: "label.releaseAt.past",
};

/** What a reader of feeds sees of a change: its date first, then what the page says. */
const contentOf = (view: RecordedChange): string => {
  const { fields } = view.state;
  const zones = { partner: view.policyZone, policy: view.policyZone };
  const { status, releasedAt, policyZone: zone } = view;
  const at = releasedEarly({ status, releasedAt, releaseAt: fields.releaseAt, zone }) ?? fields.releaseAt;
  const release = at === undefined ? null : momentOf(at, zones, words);
  const label = words.say(LABELS[status] ?? "label.releaseAt");
  const paragraph = (text: string): string => `<p>${escapeHtml(plainBlock(text)).replaceAll("\n", "<br>")}</p>`;
  return [
    `<p><b>${escapeHtml(words.say(`status.${view.status}`))}</b></p>`,
    release
      ? `<p>${escapeHtml(`${label}${words.say("colon")} ${[release.line, ...release.notes].join(". ")}`)}</p>`
      : "",
    fields.summary ? paragraph(fields.summary) : "",
    fields.action ? `<p><b>${escapeHtml(words.say("label.action"))}</b></p>${paragraph(fields.action)}` : "",
    fields.details ? unstyled(renderMarkdown(fields.details)) : "",
  ].join("");
};

const titleOf = (view: RecordedChange): string => `${plainLine(view.state.fields.title)} [${view.change}]`;
const feedTitle = (author: string): string => `${plainLine(author)}: ${words.say("public.title")}`;

/** RFC 4287. An entry's id is its page for good, so an edit moves `updated` alone. */
export const atomFeed = ({ changes, author, publicUrl }: FeedInput): string => {
  const page = `${publicUrl}/changelog`;
  const updated = changes[0]?.revisedAt ?? new Date(0);
  const entry = (view: RecordedChange): string => `  <entry>
    <id>${escapeHtml(changelogPage(publicUrl, view.change))}</id>
    <title>${escapeHtml(titleOf(view))}</title>
    <updated>${view.revisedAt.toISOString()}</updated>
    <published>${view.createdAt.toISOString()}</published>
    <link rel="alternate" type="text/html" href="${escapeHtml(changelogPage(publicUrl, view.change))}"/>
    <category term="${escapeHtml(view.state.fields.category)}"/>
    <category term="${escapeHtml(view.state.fields.service)}" label="${escapeHtml(plainLine(view.service))}"/>
    <content type="html">${escapeHtml(contentOf(view))}</content>
  </entry>
`;
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
  <id>${escapeHtml(page)}</id>
  <title>${escapeHtml(feedTitle(author))}</title>
  <updated>${updated.toISOString()}</updated>
  <author><name>${escapeHtml(plainLine(author))}</name></author>
  <link rel="self" type="application/atom+xml" href="${escapeHtml(page)}.atom"/>
  <link rel="alternate" type="text/html" href="${escapeHtml(page)}"/>
${changes.map(entry).join("")}</feed>
`;
};

/** https://www.jsonfeed.org/version/1.1/ */
export const jsonFeed = ({ changes, author, publicUrl }: FeedInput): object => ({
  version: "https://jsonfeed.org/version/1.1",
  title: feedTitle(author),
  home_page_url: `${publicUrl}/changelog`,
  feed_url: `${publicUrl}/changelog.json`,
  language: "en",
  authors: [{ name: plainLine(author) }],
  items: changes.map((view) => ({
    id: changelogPage(publicUrl, view.change),
    url: changelogPage(publicUrl, view.change),
    title: titleOf(view),
    ...(view.state.fields.summary ? { summary: plainLine(view.state.fields.summary) } : {}),
    content_html: contentOf(view),
    date_published: view.createdAt.toISOString(),
    date_modified: view.revisedAt.toISOString(),
    tags: [view.state.fields.category, view.state.fields.service],
  })),
});
