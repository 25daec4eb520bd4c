import { releaseInstant } from "../domain/calendar.ts";
import type { Change } from "../domain/change.ts";
import { changelogPage } from "./public-links.ts";
import { safeLink } from "./safe-link.ts";
import type { WordKey } from "./words.ts";

/** Response headers that a change makes due on the resources it ends, ready to be copied, and why the others are not. */
export type LifecycleHeaders = {
  headers: { name: "Deprecation" | "Sunset" | "Link"; value: string }[];
  /** Null when all of them apply. */
  whyNot: Extract<WordKey, `headers.${string}`> | null;
};

const hrefOf = (change: Change, rel: string): string | null => {
  const link = change.fields.links?.find((one) => one.rel.toLowerCase() === rel);
  return link ? safeLink(link.href) : null;
};

/** RFC 8288, 3: `<…>; rel="…"`. An address is normalised, so it holds neither brackets nor spaces. */
const linkTo = (href: string, rel: string): string => `<${href}>; rel="${rel}"`;

/**
 * `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` of a change.
 *
 * Only its event knows whether a change ends a resource or alters what it answers, and says so by a link: `sunset` where
 * it stops answering at the release, `deprecation` where it is no longer recommended. What is sunset is deprecated from
 * its announcement, which is never given as after the sunset.
 *
 * @example with a link of rel `sunset`: `Deprecation: @1795338000`, `Sunset: Mon, 01 Mar 2027 00:00:00 GMT`
 */
export const lifecycleHeaders = (
  change: Change,
  { zone, publicUrl }: { zone: string; publicUrl: string },
): LifecycleHeaders => {
  const [deprecation, sunset] = ["deprecation", "sunset"].map((rel) => hrefOf(change, rel));
  if (change.status === "cancelled") return { headers: [], whyNot: "headers.cancelled" };
  if (!deprecation && !sunset) return { headers: [], whyNot: "headers.none" };
  const { releaseAt } = change.fields;
  const ends = sunset && releaseAt !== undefined ? releaseInstant(releaseAt, zone) : null;
  const since = Math.min(Date.parse(change.firstAcceptedAt), ends?.getTime() ?? Number.POSITIVE_INFINITY);
  const links = [
    linkTo(deprecation ?? changelogPage(publicUrl, change.change), "deprecation"),
    ...(sunset ? [linkTo(sunset, "sunset")] : []),
    ...["successor-version", "latest-version"].flatMap((rel) => {
      const href = hrefOf(change, rel);
      return href ? [linkTo(href, rel)] : [];
    }),
  ];
  return {
    headers: [
      { name: "Deprecation", value: `@${Math.floor(since / 1_000)}` },
      ...(ends ? [{ name: "Sunset" as const, value: ends.toUTCString() }] : []),
      { name: "Link", value: links.join(", ") },
    ],
    whyNot: ends ? null : sunset ? "headers.undated" : "headers.noSunset",
  };
};
