import en from "./words/en.json" with { type: "json" };
import fr from "./words/fr.json" with { type: "json" };

type Phrase = string | { one: string; other: string };
export type WordKey = keyof typeof en;

/** Every language that mails are written in; `en` stands in for all others. */
export const LANGUAGES: Readonly<Record<string, Readonly<Record<WordKey, Phrase>>>> = { en, fr };

export type Words = {
  /** The language of the wording, for `lang`. */
  language: string;
  /** The locale that dates and numbers are written in: the partner's own where the wording is in its language. */
  locale: string;
  /** The phrase with its `{places}` filled; `count` chooses between singular and plural. */
  say(key: WordKey, values?: Readonly<Record<string, string | number>>): string;
};

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
  const phrases = LANGUAGES[spoken] ?? en;
  const language = phrases === en ? "en" : spoken;
  const dates = language !== spoken || locale === "en" ? PLAIN_ENGLISH : locale;
  const plural = new Intl.PluralRules(dates);
  return {
    language,
    locale: dates,
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
