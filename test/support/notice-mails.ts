import { makeKeyring } from "../../src/keyring.ts";
import { makeNoticeMails } from "../../src/render/notice-mail.ts";
import { makeTemplates } from "../../src/render/templates.ts";
import { aNotice, anAddressee } from "./notice-scene.ts";

export const keyring = makeKeyring("a secret of this test, long enough for it");
export const publicUrl = "https://notices.example.com";
export const organizer = { name: "API changes", address: "changes@example.com" };
export const templates = makeTemplates({ folder: undefined });
export const mails = () => makeNoticeMails({ templates, keyring, publicUrl, organizer });
export const NOW = new Date("2026-11-22T09:00:00Z");

/** The mail of a notice, by default of an announcement to a partner like any other. */
export const mailOf = (content = aNotice(), to = anAddressee(), now = NOW) => mails().mailFor(content, to, now);
/** What a person reads of it, in either form. */
export const both = (mail: { html: string; text: string }): string[] => [mail.html, mail.text];
