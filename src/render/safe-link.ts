const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * The address a link may have, normalised; null when it may have none.
 *
 * Only absolute `http`, `https` and `mailto`, and no user name or password in it, because `https://bank.example@evil.example` reads
 * as the wrong host.
 *
 * @example safeLink("javascript:alert(1)") // null
 */
export const safeLink = (href: string): string | null => {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  if (!SCHEMES.has(url.protocol)) return null;
  if (url.protocol !== "mailto:" && !/^https?:\/\//i.test(href.trim())) return null;
  return url.username === "" && url.password === "" ? url.href : null;
};
