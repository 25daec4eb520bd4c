import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ICAL from "ical.js";
import PostalMime from "postal-mime";
import type { NoticeKind } from "../../src/domain/notice.ts";
import { makeKeyring } from "../../src/keyring.ts";
import { attendee, calendarFeed, entryOf, entryUid } from "../../src/render/calendar-entry.ts";
import { composeMail } from "../../src/render/mail-form.ts";
import { makeNoticeMails } from "../../src/render/notice-mail.ts";
import { makeTemplates } from "../../src/render/templates.ts";
import { wordsFor } from "../../src/render/words.ts";
import { aChange, aNotice, anAddressee } from "../support/notice-scene.ts";

const publicUrl = "https://notices.example.com";
const organizer = { name: "API changes", address: "changes@example.com" };
const keyring = makeKeyring("a secret of this test, long enough for it");
const templates = makeTemplates({ folder: undefined });
const NOW = new Date("2026-11-22T09:00:00Z");

type Told = { kind: NoticeKind; sequence: number; releaseAt?: string; title?: string };

const contentOf = ({ kind, sequence, releaseAt = "2027-03-01", title = "Old token endpoints are shut down" }: Told) =>
  aNotice(kind, {
    notice: { no: sequence, id: `CHG-1042.r${sequence}.${kind}`, kind, offset: null, lane: "routine", dueAt: "" },
    change: aChange({ releaseAt, title }, { status: kind === "cancelled" ? "cancelled" : "announced" }),
    sequence,
  });

/** The calendar part of the mail as it goes over the wire. */
const invitation = async (
  content = contentOf({ kind: "announcement", sequence: 0 }),
  to = anAddressee(),
  now = NOW,
) => {
  const mails = makeNoticeMails({ templates, keyring, publicUrl, organizer });
  const mail = mails.encodedFor(content, to, now);
  const raw = composeMail({
    ...mail,
    from: organizer,
    to: { name: to.name, address: to.address },
    messageId: "<msg_x@example.com>",
    inReplyTo: null,
    date: now,
    headers: {},
  });
  const parsed = await PostalMime.parse(raw);
  const part = parsed.attachments.find(({ mimeType }) => mimeType === "text/calendar");
  if (!part) return null;
  const arrived = typeof part.content === "string" ? part.content : Buffer.from(part.content as ArrayBuffer).toString();
  const text = mails.mailFor(content, to, now).calendar?.body ?? "";
  // The reader of mails turns line ends into its own.
  assert.equal(arrived, text.replaceAll("\r\n", "\n"));
  return { text, type: /^Content-Type: text\/calendar[^\r]*/m.exec(raw)?.[0], ...read(text) };
};

const read = (text: string) => {
  const calendar = new ICAL.Component(ICAL.parse(text) as unknown[]);
  const events = calendar.getAllSubcomponents("vevent");
  const event = events[0] ?? assert.fail("no event");
  const value = (name: string) => event.getFirstPropertyValue(name);
  return { method: calendar.getFirstPropertyValue("method"), events, event, value };
};

test("through the life of a change one entry moves with its date and goes away when it is cancelled", async () => {
  const life: readonly [Told, string, string][] = [
    [{ kind: "announcement", sequence: 0 }, "REQUEST", "2027-03-01"],
    [{ kind: "rescheduled", sequence: 1, releaseAt: "2027-04-15" }, "REQUEST", "2027-04-15"],
    [{ kind: "rescheduled", sequence: 2, releaseAt: "2027-05-01T07:30:00Z" }, "REQUEST", "2027-05-01T07:30:00Z"],
    [{ kind: "cancelled", sequence: 3, releaseAt: "2027-05-01T07:30:00Z" }, "CANCEL", "2027-05-01T07:30:00Z"],
  ];
  for (const [told, method, start] of life) {
    const seen = (await invitation(contentOf(told))) ?? assert.fail("no invitation");
    assert.equal(seen.method, method);
    assert.match(seen.type ?? "", new RegExp(`method=${method}; charset=utf-8$`));
    assert.equal(seen.events.length, 1);
    assert.equal(seen.value("uid"), "CHG-1042@notices.example.com");
    assert.equal(seen.value("sequence"), told.sequence);
    assert.equal(String(seen.value("dtstart")), start);
    assert.equal(String(seen.value("dtstamp")), "2026-11-22T09:00:00Z");
    assert.equal(seen.value("status"), method === "CANCEL" ? "CANCELLED" : "CONFIRMED");
    assert.equal(seen.value("organizer"), "mailto:changes@example.com");
    const attendees = seen.event.getAllProperties("attendee");
    assert.deepEqual(
      attendees.map((one) => [one.getFirstValue(), one.getParameter("cn")]),
      [["mailto:dev@acme.example", "Acme Health"]],
    );
    assert.equal(seen.value("url"), `${publicUrl}/changelog/CHG-1042`);
  }
});

test("a date is a whole day, the same in every zone; a time is that instant", async () => {
  for (const timeZone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
    const seen = await invitation(contentOf({ kind: "announcement", sequence: 0 }), anAddressee({ timeZone }));
    assert.match(seen?.text ?? "", /\r\nDTSTART;VALUE=DATE:20270301\r\n/);
  }
  const timed = await invitation(
    contentOf({ kind: "announcement", sequence: 0, releaseAt: "2027-03-01T22:30:00.000Z" }),
  );
  assert.match(timed?.text ?? "", /\r\nDTSTART:20270301T223000Z\r\n/);
});

test("mails without a date carry no entry, and one whose date was taken away takes the entry back", async () => {
  const { releaseAt: _, ...undated } = aChange().fields;
  assert.equal(await invitation(aNotice("announcement", { change: { ...aChange(), fields: undated } })), null);
  assert.equal(await invitation(aNotice("test", { change: null })), null);
  const gone = aNotice("reclassified", {
    change: { ...aChange(), fields: undated },
    previous: { releaseAt: "2027-03-01" },
    sequence: 1,
  });
  const seen = await invitation(gone);
  assert.deepEqual([seen?.method, String(seen?.value("dtstart"))], ["CANCEL", "2027-03-01"]);
});

test("a reminder is the same entry with a later stamp, whatever language it is read in", async () => {
  const first = await invitation();
  const later = await invitation(
    contentOf({ kind: "reminder", sequence: 0 }),
    anAddressee({ locale: "fr" }),
    new Date("2027-02-15T08:00:00Z"),
  );
  assert.deepEqual([later?.value("uid"), later?.value("sequence")], [first?.value("uid"), 0]);
  assert.equal(String(later?.value("dtstamp")), "2027-02-15T08:00:00Z");
  assert.match(String(later?.value("description")), /Ce qu’il faut faire/);
});

const NASTY = [
  "x\r\nEND:VEVENT\r\nBEGIN:VALARM",
  "END:VEVENT",
  'a;b,c:d\\n"e"^n^\'',
  "\u202Egnp.exe\u0000\u2028x",
  "🚀 naïve Ünïcödé ".repeat(12),
  "\uD800",
];

test("no text of a change or a partner adds a line or an entry, and every line ends with CRLF within 75 octets", async () => {
  const text = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary", maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(text, text, text, async (title, name, summary) => {
      const change = aChange({ title: title || "x", summary, action: name });
      const seen = await invitation(aNotice("announcement", { change }), anAddressee({ name }));
      assert.ok(seen);
      assert.equal(seen.events.length, 1);
      assert.equal(seen.event.getAllSubcomponents().length, 0);
      assert.equal(seen.event.getAllProperties("attendee").length, 1);
      assert.equal(seen.value("uid"), "CHG-1042@notices.example.com");
      const lines = seen.text.split("\r\n");
      assert.equal(lines.pop(), "");
      for (const line of lines) assert.ok(Buffer.byteLength(line) <= 75 && !/[\r\n]/.test(line), line);
    }),
    { numRuns: 60, examples: NASTY.map((nasty) => [nasty, nasty, nasty]) },
  );
});

test("an attendee's address is one, with what a URI may not hold written as hexadecimals", () => {
  assert.match(attendee({ name: "", address: "a+b%c#jürgen@acme.example" }), /jürgen/);
  const [, address] =
    /:(mailto:.*)/.exec(attendee({ name: "", address: "a+b%c#ü@x.example" }).replace(/\r\n /g, "")) ?? [];
  assert.equal(address, "mailto:a+b%25c%23%C3%BC@x.example");
});

test("a feed publishes each entry without attendees, the cancelled ones as cancelled, and reads the same each time", () => {
  const entries = [
    contentOf({ kind: "announcement", sequence: 2 }),
    {
      ...contentOf({ kind: "cancelled", sequence: 3 }),
      change: { ...aChange({}, { status: "cancelled" }), change: "CHG-7" },
    },
  ].flatMap((content) => {
    const entry = entryOf(content);
    return entry ? [{ ...entry, revisedAt: NOW }] : [];
  });
  const make = () => calendarFeed(entries, { name: "API changes", organizer, words: wordsFor("en"), publicUrl });
  const feed = make();
  const { method, events } = read(feed);
  assert.equal(method, "PUBLISH");
  assert.deepEqual(
    events.map((event) => ["uid", "sequence", "status"].map((name) => event.getFirstPropertyValue(name))),
    [
      ["CHG-1042@notices.example.com", 2, "CONFIRMED"],
      ["CHG-7@notices.example.com", 3, "CANCELLED"],
    ],
  );
  assert.doesNotMatch(feed, /ATTENDEE/);
  assert.equal(make(), feed);
  assert.equal(entryUid("CHG-1042", "http://[::1]:8484"), "CHG-1042@[::1]");
});
