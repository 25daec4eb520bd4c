import type { Change, ChangeFields } from "../../src/domain/change.ts";
import type { Addressee, NoticeContent } from "../../src/senders/sender.ts";

/** A business-critical change of 1 March 2027, announced on 22 November 2026. */
export const aChange = (fields: Partial<ChangeFields> = {}, rest: Partial<Change> = {}): Change => ({
  change: "CHG-1042",
  revision: 1,
  status: "announced",
  fields: {
    category: "major",
    service: "oauth2",
    title: "Old token endpoints are shut down",
    summary: "The endpoints on account.example.com stop answering.",
    details: "## What changes\n\nThe body is wrapped in `body`.",
    releaseAt: "2027-03-01",
    action: "Call the new endpoint.",
    affects: ["POST /oauth2/token"],
    links: [{ rel: "guide", href: "https://developer.example.com/guide", title: "Migration guide" }],
    contact: "api@example.com",
    ...fields,
  },
  stamps: {},
  critical: true,
  dateSince: "2026-11-22T09:00:00Z",
  firstAcceptedAt: "2026-11-22T09:00:00Z",
  ...rest,
});

/** What an announcement of `aChange` says; parts may be replaced. */
export const aNotice = (
  kind: NoticeContent["notice"]["kind"] = "announcement",
  rest: Partial<NoticeContent> = {},
): NoticeContent => ({
  notice: {
    no: 1,
    id: `CHG-1042.r1.${kind}`,
    kind,
    offset: kind === "reminder" ? "-P14D" : null,
    lane: "routine",
    dueAt: "2026-11-22T09:00:00Z",
  },
  change: aChange(),
  previous: {},
  reason: null,
  sequence: 0,
  verdict: {
    status: "met",
    minimum: "P3M",
    noticeDays: 99,
    noticeMonths: 3,
    shortByDays: 0,
    earliestRelease: "2027-02-22",
  },
  releasedAt: null,
  services: { oauth2: "OAuth 2" },
  policyZone: "Europe/Paris",
  ...rest,
});

/** Someone at Acme, in Paris, by mail. */
export const anAddressee = (rest: Partial<Addressee> = {}): Addressee => ({
  delivery: "CHG-1042.r1.announcement.ep_7",
  partner: "acme",
  name: "Acme Health",
  locale: "en",
  timeZone: "Europe/Paris",
  pageEpoch: 0,
  address: "dev@acme.example",
  secrets: [],
  threadRoot: null,
  ...rest,
});
