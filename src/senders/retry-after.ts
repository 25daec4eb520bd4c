const DAY_MS = 24 * 60 * 60 * 1000;

/** IMF-fixdate, and the two older forms that a recipient must read too (RFC 9110, section 5.6.7); all are in UTC. */
const HTTP_DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/**
 * What `Retry-After` asks for (RFC 9110, section 10.2.3: seconds or an HTTP-date), from `now` on and at most 24 h.
 * Null when it is absent, says neither, or names a time that has passed.
 *
 * @example retryAfterMs("120", now) // 120_000
 */
export const retryAfterMs = (value: string | null, now: Date): number | null => {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, DAY_MS);
  if (!HTTP_DATES.some((form) => form.test(text))) return null;
  const wait = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) - now.getTime();
  return wait > 0 ? Math.min(wait, DAY_MS) : null;
};
