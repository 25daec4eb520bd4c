import type { ChangeStatus } from "../domain/change.ts";

type PageWords = {
  plan: string;
  when: string;
  what: string;
  told: string;
  revision: string;
  sent: string;
  sending: string;
  planned: string;
  past: string;
  zone: string;
  /** After a span: `1 month before`. */
  before: string;
  status: Record<ChangeStatus, string>;
};

/** What only the pages say; the rest is in render/words. */
const PAGE_WORDS: Record<string, PageWords> = {
  en: {
    plan: "What we tell you, and when",
    when: "When",
    what: "What",
    told: "To you",
    revision: "revision",
    sent: "sent",
    sending: "on its way",
    planned: "planned",
    past: "not sent to you",
    zone: "Times are in your zone,",
    before: "before",
    status: { announced: "Announced", recorded: "Recorded", released: "In effect", cancelled: "Cancelled" },
  },
  fr: {
    plan: "Ce que nous vous annonçons, et quand",
    when: "Quand",
    what: "Quoi",
    told: "Pour vous",
    revision: "révision",
    sent: "envoyé",
    sending: "en cours d’envoi",
    planned: "prévu",
    past: "non envoyé",
    zone: "Heures de votre fuseau,",
    before: "avant",
    status: { announced: "Annoncé", recorded: "Enregistré", released: "En vigueur", cancelled: "Annulé" },
  },
};

const english = PAGE_WORDS["en"] as PageWords;

/** The pages' own words in a language; `en` stands in for those that are not spoken. */
export const pageWords = (language: string): PageWords => PAGE_WORDS[language] ?? english;
