import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renderMarkdown } from "../../src/render/markdown.ts";

const withoutStyles = (html: string): string => html.replace(/ style="[^"]*"/g, "");

test("headings, lists, code and tables come out as HTML, each styled in place", () => {
  const html = renderMarkdown("## New\n\n- a **b**\n\n```json\n{ }\n```\n\n| x |\n|---|\n| `y` |");
  assert.match(
    withoutStyles(html),
    /<h2>New<\/h2>\s*<ul>\s*<li>a <strong>b<\/strong><\/li>\s*<\/ul>\s*<pre>\{ \}\n<\/pre>/,
  );
  assert.match(withoutStyles(html), /<td><code>y<\/code><\/td>/);
  assert.match(html, /<h2 style="[^"]+">/);
});

test("raw HTML is shown as text and never becomes markup", () => {
  const html = renderMarkdown('<script>alert(1)</script> <b onclick="x()">hi</b>');
  assert.match(html, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.doesNotMatch(html, /<script|<b[ >]/);
});

test("an image is not fetched: none comes out", () => {
  for (const source of [
    "![pixel](https://evil.example/p.gif)",
    "![x][1]\n\n[1]: https://evil.example/p.gif",
    "[![a](https://e.example/i.png)](https://e.example)",
  ])
    assert.doesNotMatch(renderMarkdown(source), /<img/i);
});

const LINKS: readonly [string, string | null][] = [
  ["https://ok.example/a?b=1#c", "https://ok.example/a?b=1#c"],
  ["http://ok.example/", "http://ok.example/"],
  ["mailto:api@ok.example", "mailto:api@ok.example"],
  ["HTTPS://OK.example/", "https://ok.example/"],
  ["javascript:alert(1)", null],
  ["JaVaScRiPt:alert(1)", null],
  ["data:text/html,<script>1</script>", null],
  ["vbscript:x", null],
  ["file:///etc/passwd", null],
  ["/relative", null],
  ["//evil.example/x", null],
  ["relative/path", null],
  ["#anchor", null],
  ["https:evil.example", null],
  ["https://bank.example@evil.example/", null],
  ["ftp://files.example/", null],
];

for (const [href, expected] of LINKS)
  test(`a link to ${href} ${expected === null ? "loses the link and keeps the words" : "stays"}`, () => {
    const html = renderMarkdown(`[words](<${href}>)`);
    assert.match(html, /words/);
    const hrefs = [...html.matchAll(/href="([^"]*)"/g)].map((found) => found[1]);
    assert.deepEqual(hrefs, expected === null ? [] : [expected]);
  });

test("links open outside and pass nothing on", () => {
  assert.match(renderMarkdown("https://ok.example/"), /target="_blank" rel="noopener noreferrer nofollow"/);
});

test("bare words that look like hosts are no links", () => {
  assert.doesNotMatch(renderMarkdown("call api.example.com or me@x.example"), /<a /);
});

test("whatever the source, only our tags and attributes come out", () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    '"',
    "'",
    "`",
    "```",
    "[",
    "](",
    ")",
    "![",
    "javascript:",
    "&#106;",
    "<img src=x onerror=1>",
    "<a href=",
    "\n",
    "|",
    "---",
    "*",
    "style=",
    "\u0000",
    "\u202E",
    "<!--",
    "]]>",
    "<svg/onload=1>",
    "https://x.example/",
    " ",
  );
  const tag =
    /^(?:(?:p|h[1-6]|ul|ol|li|code|pre|blockquote|table|thead|tbody|tr|th|td|hr|strong|em|s|br|span|a)(?: style="[^"<>]*")?|a href="(?:https?|mailto):[^"<>]*" target="_blank" rel="noopener noreferrer nofollow" style="[^"<>]*")(?: \/)?$/;
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 30 }), (pieces) => {
      for (const [, opened] of renderMarkdown(pieces.join("")).matchAll(/<(?!\/)([^>]*)>/g))
        assert.match(opened ?? "", tag);
    }),
    { numRuns: 400 },
  );
});

test("deeply nested source is rendered without running away", () => {
  const html = renderMarkdown(`${">".repeat(5_000)} deep\n\n${"- ".repeat(2_000)}x`);
  assert.ok(html.length < 200_000);
});
