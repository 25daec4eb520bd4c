import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change } from "../../src/domain/change.ts";
import { makeKeyring } from "../../src/keyring.ts";
import { renderNoticeWebhook } from "../../src/render/notice-webhook.ts";
import type { Addressee, NoticeContent } from "../../src/senders/sender.ts";
import { webhookId } from "../../src/senders/signature.ts";

const keyring = makeKeyring("a secret of at least thirty-two bytes");
const publicUrl = "https://notices.example.com";
const render = renderNoticeWebhook({ publicUrl, keyring });

const change: Change = {
  change: "CHG-1042",
  revision: 3,
  status: "announced",
  fields: { category: "major", service: "oauth", title: "Tokens expire sooner", releaseAt: "2027-04-03" },
  stamps: { title: { time: "2027-01-01T00:00:00Z", source: "/billing", id: "1" } },
  critical: true,
  dateSince: "2027-01-01T00:00:00Z",
  firstAcceptedAt: "2027-01-01T00:00:00Z",
};

const content: NoticeContent = {
  notice: {
    no: 7,
    id: "CHG-1042.r3.rescheduled",
    kind: "rescheduled",
    offset: null,
    lane: "routine",
    dueAt: "2027-03-01T08:00:00.000Z",
  },
  change,
  previous: { releaseAt: "2027-03-01" },
  reason: "Partners asked for time",
  verdict: {
    status: "met",
    minimum: "P3M",
    noticeDays: 92,
    noticeMonths: 3,
    shortByDays: 0,
    earliestRelease: "2027-04-01",
  },
  sequence: 1,
  releasedAt: null,
  services: {},
  policyZone: "Europe/Paris",
};

const addressee: Addressee = {
  delivery: "CHG-1042.r3.rescheduled.ep_17",
  partner: "acme",
  name: "Acme",
  locale: "en",
  timeZone: "UTC",
  pageEpoch: 0,
  address: "https://hooks.partner.example/x",
  secrets: ["whsec_never"],
  threadRoot: null,
};

/** The body as a plain object, without any splicing. */
const plain = (content: NoticeContent, to: Addressee): unknown => {
  const page = `${publicUrl}/p/${keyring.pageToken(to.partner, content.change?.change ?? null)}`;
  const { no: _no, dueAt, ...notice } = content.notice;
  return JSON.parse(
    JSON.stringify({
      specversion: "1.0",
      id: webhookId(to.delivery),
      source: publicUrl,
      type: `forewarn.notice.${notice.kind}`,
      subject: content.change?.change,
      time: dueAt,
      datacontenttype: "application/json",
      data: {
        notice,
        change: content.change
          ? {
              change: content.change.change,
              revision: content.change.revision,
              ...content.change.fields,
              businessCritical: content.change.critical,
            }
          : undefined,
        previous: Object.keys(content.previous).length > 0 ? content.previous : undefined,
        reason: content.reason ?? undefined,
        verdict: content.verdict,
        partner: to.partner,
        links: content.change ? { page, acknowledge: `${page}/acknowledgements` } : { page },
      },
    }),
  );
};

test("a notice becomes a CloudEvent with the change, what differed, the verdict and the partner's own links", () => {
  const body = JSON.parse(render(content)(addressee).toString()) as { data: { links: { page: string } } };
  assert.deepEqual(body, plain(content, addressee));
  const token = body.data.links.page.slice(`${publicUrl}/p/`.length);
  assert.deepEqual(keyring.readPageToken(token), { partner: "acme", change: "CHG-1042", epoch: 0 });
});

test("a notice about the partner itself has no change and nothing to acknowledge, and leads to the partner's home", () => {
  const notice = { ...content.notice, id: "test.17", kind: "test" as const };
  const about = { ...content, notice, change: null, previous: {}, reason: null, verdict: null };
  const body = JSON.parse(render(about)(addressee).toString()) as Record<string, unknown>;
  assert.deepEqual(body, plain(about, addressee));
  assert.ok(!("subject" in body));
  assert.deepEqual(Object.keys(body["data"] as object), ["notice", "verdict", "partner", "links"]);
});

test("neither secrets nor addresses, names and stamps are in the body", () => {
  const text = render(content)({ ...addressee, name: "Unmentioned Ltd" }).toString();
  for (const hidden of ["whsec_", "hooks.partner.example", "Unmentioned", "/billing"])
    assert.ok(!text.includes(hidden));
});

test("rendered again for the same delivery, the bytes are the same", () => {
  assert.deepEqual(render(content)(addressee), render(structuredClone(content))({ ...addressee }));
});

test("one partner's parts never show in another's body", () => {
  const splice = render(content);
  const before = splice(addressee);
  const other = splice({ ...addressee, partner: "umbra", delivery: "CHG-1042.r3.rescheduled.ep_18" }).toString();
  assert.ok(!other.includes("acme") && !other.includes(webhookId(addressee.delivery)));
  assert.deepEqual(splice(addressee), before);
});

const nasty = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", '","data":{}}', "\u0000", "\u2028", "\ud800", "</script>", "}", "{", "__proto__", "${x}"),
);

test("spliced bodies read back as the plain object, whatever the strings hold", () => {
  fc.assert(
    fc.property(
      fc.record({ title: nasty, summary: nasty, details: nasty, action: nasty, affects: fc.array(nasty) }),
      fc.dictionary(nasty, fc.jsonValue()),
      fc.record({ reason: fc.option(nasty), partner: nasty, delivery: nasty, id: nasty }),
      (fields, previous, { reason, partner, delivery, id }) => {
        const given: NoticeContent = {
          ...content,
          notice: { ...content.notice, id },
          change: { ...change, change: id, fields: { ...change.fields, ...fields } },
          previous,
          reason,
        };
        const to = { ...addressee, partner, delivery };
        assert.deepEqual(JSON.parse(render(given)(to).toString()), plain(given, to));
      },
    ),
  );
});
