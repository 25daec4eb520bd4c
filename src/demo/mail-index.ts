import type { MailArrival } from "./mailbox.ts";

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
  body { max-width: 64rem; margin: 3rem auto; padding: 0 1.5rem }
  h1 { font-size: 1.4rem; margin: 0 } p { opacity: .7; margin: .25rem 0 2rem }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .45rem .75rem .45rem 0; vertical-align: top }
  th { font-weight: 500; opacity: .6 } tr + tr td { border-top: 1px solid #8883 } td:nth-child(-n+2) { white-space: nowrap }
  a { color: inherit; text-decoration-color: #8888; text-underline-offset: .2em } small { opacity: .6 }`;

const row = (mail: MailArrival): string => `<tr>
  <td>${new Date(mail.at).toISOString().slice(11, 19)}</td>
  <td>${escaped(mail.to)}</td>
  <td><a href="${encodeURIComponent(`${mail.file}.html`)}">${escaped(mail.subject)}</a><br>
    <small>${escaped(mail.notice)} · <a href="${encodeURIComponent(`${mail.file}.eml`)}">source</a></small></td>
</tr>`;

/** One page over all mails of a run, newest first. */
export const mailIndex = (mails: readonly MailArrival[]): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Mailbox of the Forewarn demo</title><style>${STYLE}</style>
<h1>Mailbox of the Forewarn demo</h1><p>${mails.length} mails, newest first</p>
<table><tr><th>UTC<th>to<th>subject</tr>
${mails.toReversed().map(row).join("\n")}
</table></html>
`;
