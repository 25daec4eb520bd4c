import { deliveryId, endpointId } from "../domain/delivery.ts";
import type { AcknowledgementStatus } from "../ledger/acknowledgements.ts";
import type { RecordedChange } from "../ledger/changelog.ts";
import type { EndpointRow } from "../ledger/endpoints.ts";
import type { RecentDelivery } from "../ledger/partner-links.ts";
import type { PartnerRow } from "../ledger/partners.ts";
import { plainLine } from "../render/plain-text.ts";
import { type Words, wordsFor } from "../render/words.ts";
import { changeView } from "./change-view.ts";
import { shortMoment } from "./moments.ts";

export type HomePageInput = {
  partner: PartnerRow;
  changes: readonly RecordedChange[];
  /** What the partner said last, by change. */
  answers: ReadonlyMap<string, AcknowledgementStatus>;
  endpoints: readonly EndpointRow[];
  deliveries: readonly RecentDelivery[];
  token: string;
  /** The token of the partner's page of a change. */
  tokenOf: (change: string) => string;
  calendar: string;
  now: Date;
  /** What an action just came to. */
  said?: string | undefined;
  /** A new secret, to be shown once. */
  secret?: { line: string; value: string } | undefined;
  /** The preferences as they were sent, where they were not taken. */
  refused?: { values: PreferenceValues; faults: Readonly<Record<string, string>> } | undefined;
};

export type PreferenceValues = { locale: string; timeZone: string; holidays: string };

const RECENT = 5;

const ANSWER_WORDS = { seen: "answer.seen", ready: "answer.ready", "needs-help": "answer.help" } as const;

const changeRows = ({ changes, answers, partner, tokenOf, now }: HomePageInput, words: Words) =>
  changes.map((view) => {
    const shown = changeView(view, {
      words,
      zones: { partner: partner.timeZone, policy: view.policyZone },
      now,
      reason: null,
    });
    const answer = answers.get(view.change);
    return {
      token: tokenOf(view.change),
      title: shown.title,
      category: shown.category,
      tone: shown.tone,
      release: shown.release,
      service: view.service,
      change: view.change,
      answer: answer === undefined ? null : words.say(ANSWER_WORDS[answer]),
      answered: answer ?? "nothing",
    };
  });

const endpointRows = ({ endpoints, deliveries, partner }: HomePageInput, words: Words) =>
  endpoints.map((endpoint) => ({
    id: endpointId(endpoint.no),
    address: plainLine(endpoint.address),
    channel: words.say(`home.channel.${endpoint.channel}`),
    isWebhook: endpoint.channel === "webhook",
    escalation: endpoint.role === "escalation",
    status: endpoint.status,
    statusName: words.say(`endpoint.${endpoint.status}`),
    recent: deliveries
      .filter((delivery) => delivery.endpoint === endpoint.no)
      .toSorted((a, b) => b.at.getTime() - a.at.getTime())
      .slice(0, RECENT)
      .map(({ kind, notice, change, status, ended, at }) => ({
        delivery: deliveryId(notice, endpoint.no),
        mayRepeat: change !== null && !ended && status !== "waiting" && endpoint.status === "active",
        what: words.say(`eyebrow.${kind}`),
        change,
        status,
        statusName: words.say(`delivery.${status}`),
        when: shortMoment(words, partner.timeZone, at),
      })),
  }));

/** A partner's own page: its open changes, how it is reached, and what it may set. */
export const homePage = (input: HomePageInput): object => {
  const { partner, refused } = input;
  const words = wordsFor(partner.locale);
  const values = refused?.values ?? {
    locale: partner.locale,
    timeZone: partner.timeZone,
    holidays: partner.holidays.join("\n"),
  };
  return {
    language: words.language,
    t: words.plain,
    token: input.token,
    lead: words.say("home.lead", { name: plainLine(partner.name) }),
    changes: changeRows(input, words),
    endpoints: endpointRows(input, words),
    values,
    faults: refused?.faults ?? {},
    zones: Intl.supportedValuesOf("timeZone"),
    calendar: input.calendar,
    zone: words.say("plan.zone", { zone: partner.timeZone.replaceAll("_", " ") }),
    said: input.said ?? null,
    secret: input.secret ?? null,
  };
};
