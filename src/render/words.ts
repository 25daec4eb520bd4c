import en from "./words/en.json" with { type: "json" };
import fr from "./words/fr.json" with { type: "json" };
import pagesEn from "./words/pages-en.json" with { type: "json" };
import pagesFr from "./words/pages-fr.json" with { type: "json" };

type Phrase = string | { one: string; other: string };
export type WordKey = keyof typeof en | keyof typeof pagesEn;

const english: Readonly<Record<WordKey, Phrase>> = { ...en, ...pagesEn };

/** Every language that mails and pages are written in; `en` stands in for all others. */
export const LANGUAGES: Readonly<Record<string, Readonly<Record<WordKey, Phrase>>>> = {
  en: english,
  fr: { ...fr, ...pagesFr },
};

export type Words = {
  /** The language of the wording, for `lang`. */
  language: string;
  /** The locale that dates and numbers are written in: the partner's own where the wording is in its language. */
  locale: string;
  /** The phrase with its `{places}` filled; `count` chooses between singular and plural. */
  say(key: WordKey, values?: Readonly<Record<string, string | number>>): string;
  /** Every phrase without places to fill, by its key with dots and hyphens as underscores: for templates. */
  plain: Readonly<Record<string, string>>;
};

const plainPhrases = (phrases: Readonly<Record<string, Phrase>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(phrases).flatMap(([key, phrase]) =>
      typeof phrase === "string" && !phrase.includes("{") ? [[key.replace(/[.-]/g, "_"), phrase]] : [],
    ),
  );

const PLAIN = new Map(Object.values(LANGUAGES).map((phrases) => [phrases, plainPhrases(phrases)]));

/** Plain `en` writes days first and 24 hours, which nobody misreads; `en-US` and others keep their own way. */
const PLAIN_ENGLISH = "en-150";

const canonical = (locale: string): string => {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? "en";
  } catch {
    return "en";
  }
};

/**
 * The wording for a partner's locale: `fr-CA` → `fr` → `en`.
 *
 * @example wordsFor("fr-CA").say("left.days", { count: 14 }) // "dans 14 jours"
 */
export const wordsFor = (wanted: string): Words => {
  const locale = canonical(wanted);
  const spoken = locale.split("-")[0] ?? "en";
  const phrases = LANGUAGES[spoken] ?? english;
  const language = phrases === english ? "en" : spoken;
  const dates = language !== spoken || locale === "en" ? PLAIN_ENGLISH : locale;
  const plural = new Intl.PluralRules(dates);
  return {
    language,
    locale: dates,
    plain: PLAIN.get(phrases) ?? {},
    say: (key, values = {}) => {
      const phrase = phrases[key];
      const form =
        typeof phrase === "string"
          ? phrase
          : phrase[plural.select(Number(values["count"])) === "one" ? "one" : "other"];
      return form.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
    },
  };
};
