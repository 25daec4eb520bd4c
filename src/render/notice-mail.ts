import { endpointOfDelivery } from "../domain/delivery.ts";
import type { Keyring } from "../keyring.ts";
import type { Addressee, NoticeContent } from "../senders/sender.ts";
import { attendee, entryOf, type Invitation, invitationOf } from "./calendar-entry.ts";
import type { Mailbox } from "./mail-mime.ts";
import { type Standing, standingOf } from "./notice-lead.ts";
import { noticeView, subjectOf } from "./notice-view.ts";
import { escapeHtml, plainLine } from "./plain-text.ts";
import { partnerPage, unsubscribePage } from "./public-links.ts";
import { QUOTED_PRINTABLE } from "./quoted-printable.ts";
import { AS_IS, type Encoding, makePlaces, type Spliced } from "./splice.ts";
import type { Templates } from "./templates.ts";
import { wordsFor } from "./words.ts";

/** What one recipient reads. The subject is the same through the thread of a change, also once its title was amended. */
export type NoticeMail = {
  subject: string;
  html: string;
  text: string;
  /** The `text/calendar` part of a dated change; `method` is the part's parameter too. */
  calendar: { method: Invitation["method"]; body: string } | null;
  /** Where this recipient's address ends its mails (RFC 8058), and the token that says so; null: the delivery is to no endpoint. */
  unsubscribe: { page: string; token: string } | null;
};

/** A recipient's own parts of a mail; everything else is shared. */
const PLACES = ["name", "page", "unsubscribe"] as const;
type Place = (typeof PLACES)[number];

/** A notice in one language and zone, as it reads in [from, until): rendered once, then filled for each recipient. */
type SharedMail = {
  subject: string;
  read: Bodies;
  sent: Bodies;
  invitation: Invitation | null;
  from: number;
  until: number;
};
type Bodies = { html: Spliced<Place>; text: Spliced<Place>; calendar: (own: string) => string };

export type NoticeMails = {
  /** The mail for one recipient, read at `now`. Throws TemplateError when a template of the operator's faults. */
  mailFor(content: NoticeContent, to: Addressee, now: Date): NoticeMail;
  /** The same with both bodies in quoted-printable, ready to be sent. */
  encodedFor(content: NoticeContent, to: Addressee, now: Date): NoticeMail;
};

export type NoticeMailDeps = {
  templates: Templates;
  keyring: Keyring;
  publicUrl: string;
  /** Who sends the mails, and so invites to what they announce. */
  organizer: Mailbox;
};

/** About 30 KB each: the zones and languages of a few notices under way. */
const KEPT = 256;

/** Every zone's midnight falls on a quarter of an hour. */
const QUARTER_MS = 15 * 60_000;

/** The span in which the wording holds: no day begins in it anywhere, and the release does not pass. */
const readsSo = ({ release, phase }: Standing, now: Date): { from: number; until: number } => {
  const from = now.getTime() - (now.getTime() % QUARTER_MS);
  const until = from + QUARTER_MS;
  if (!release || release.at.getTime() <= from || release.at.getTime() >= until) return { from, until };
  return phase === "past" ? { from: release.at.getTime(), until } : { from, until: release.at.getTime() };
};

/**
 * Mails of notices. What recipients share is rendered once per NoticeContent object, locale and zone, and again when "in
 * 14 days" may no longer be true; a recipient's name and page are filled in. One notice has several contents where what
 * differs since its recipients were last told does, so give the same object for all to whom it says the same.
 */
export const makeNoticeMails = ({ templates, keyring, publicUrl, organizer }: NoticeMailDeps): NoticeMails => {
  const shared = new Map<string, SharedMail>();
  const numbers = new WeakMap<NoticeContent, number>();
  let contents = 0;
  const numberOf = (content: NoticeContent): number => {
    const number = numbers.get(content) ?? ++contents;
    numbers.set(content, number);
    return number;
  };

  const render = (content: NoticeContent, to: Addressee, now: Date): SharedMail => {
    const places = makePlaces(PLACES);
    const words = wordsFor(to.locale);
    const zones = { partner: to.timeZone, policy: content.policyZone };
    const scene = { content, zones, words, now };
    const view = noticeView(scene);
    const { name, page, unsubscribe } = places.marks;
    const why = view.service === null ? "footer.partner" : "footer.subscribed";
    const own = {
      greeting: words.say("greeting", { name }),
      why: words.say(why, { name, service: view.service ?? "" }),
      page,
      unsubscribe,
    };
    const html = templates.render("notice.html.liquid", { ...view, own });
    const text = templates.render("notice.text.liquid", { ...view, own });
    const entry = entryOf(content);
    const invitation = entry && invitationOf(entry, { words, publicUrl, organizer, stamp: now });
    const bodies = (encoding: Encoding): Bodies => {
      const head = encoding.encode(invitation?.head ?? "") + encoding.joint;
      const tail = encoding.joint + encoding.encode(invitation?.tail ?? "");
      return {
        html: places.cut(html, escapeHtml, encoding),
        text: places.cut(text, String, encoding),
        calendar: (own) => head + encoding.encode(own) + tail,
      };
    };
    return {
      subject: view.subject,
      read: bodies(AS_IS),
      sent: bodies(QUOTED_PRINTABLE),
      invitation,
      ...readsSo(standingOf(scene), now),
    };
  };

  const sharedFor = (content: NoticeContent, to: Addressee, now: Date): SharedMail => {
    const key = `${numberOf(content)} ${to.locale} ${to.timeZone}`;
    const kept = shared.get(key);
    if (kept && kept.from <= now.getTime() && now.getTime() < kept.until) return kept;
    const made = render(content, to, now);
    shared.delete(key);
    shared.set(key, made);
    const [eldest] = shared.keys();
    if (shared.size > KEPT && eldest !== undefined) shared.delete(eldest);
    return made;
  };

  const fill = (written: "read" | "sent") => (content: NoticeContent, to: Addressee, now: Date) => {
    const mail = sharedFor(content, to, now);
    const token = keyring.pageToken(to.partner, content.change?.change ?? null, to.pageEpoch);
    const endpoint = endpointOfDelivery(to.delivery);
    const leaving = endpoint === null ? null : keyring.unsubscribeToken(endpoint);
    const unsubscribe = leaving === null ? null : { page: unsubscribePage(publicUrl, leaving), token: leaving };
    const own = {
      name: plainLine(to.name),
      page: partnerPage(publicUrl, token),
      unsubscribe: unsubscribe?.page ?? "",
    };
    const { html, text, calendar } = mail[written];
    return {
      subject: content.change && to.threadTitle ? subjectOf(content.change, to.threadTitle) : mail.subject,
      html: html(own),
      text: text(own),
      unsubscribe,
      calendar: mail.invitation && {
        method: mail.invitation.method,
        body: calendar(attendee({ name: to.name, address: to.address })),
      },
    };
  };

  return { mailFor: fill("read"), encodedFor: fill("sent") };
};
