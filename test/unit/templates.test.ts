import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeKeyring } from "../../src/keyring.ts";
import { makeNoticeMails } from "../../src/render/notice-mail.ts";
import { makeTemplates, TemplateError } from "../../src/render/templates.ts";
import { aChange, aNotice, anAddressee } from "../support/notice-scene.ts";

const keyring = makeKeyring("a secret of this test, long enough for it");
const publicUrl = "https://notices.example.com";
const organizer = { name: "API changes", address: "changes@example.com" };
const NOW = new Date("2026-11-22T09:00:00Z");

const inFolder = (files: Record<string, string>, use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-templates-"));
  try {
    for (const [name, source] of Object.entries(files)) writeFileSync(join(folder, name), source);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test("a template in the operator's folder replaces the built-in one of its name, and values are still escaped", () => {
  inFolder({ "notice.html.liquid": "<p>{{ title }} for {{ own.greeting }}</p>" }, (folder) => {
    const own = makeNoticeMails({ templates: makeTemplates({ folder }), keyring, publicUrl, organizer });
    const mail = own.mailFor(aNotice("announcement", { change: aChange({ title: "a <b>" }) }), anAddressee(), NOW);
    assert.equal(mail.html, "<p>a &lt;b&gt; for Hello Acme Health,</p>");
    assert.match(mail.text, /^Announcement - CHG-1042/);
  });
});

test("a template that cannot be read stops the start and names its file and line", () => {
  inFolder({ "notice.text.liquid": "fine\n\n{% if title %}\nnever ended" }, (folder) => {
    assert.throws(
      () => makeTemplates({ folder }),
      (fault) =>
        fault instanceof TemplateError &&
        fault.line === 3 &&
        fault.message.includes(join(folder, "notice.text.liquid")),
    );
  });
});

test("a template that asks for what there is not names its file and line", () => {
  inFolder({ "notice.text.liquid": "one\n{{ titel }}" }, (folder) => {
    const own = makeNoticeMails({ templates: makeTemplates({ folder }), keyring, publicUrl, organizer });
    assert.throws(
      () => own.mailFor(aNotice(), anAddressee(), NOW),
      (fault) => fault instanceof TemplateError && fault.line === 2 && /titel/.test(fault.message),
    );
  });
});
