/** What the provider's own contact is told of; the webhook's type is `forewarn.provider.<kind>`. */
export const PROVIDER_ALERT_KINDS = ["needs-help", "silent", "short", "minimum-lapses"] as const;
export type ProviderAlertKind = (typeof PROVIDER_ALERT_KINDS)[number];

/** One fact that the provider's own contact is to hear of, the same by mail and by webhook. */
export type ProviderAlert = {
  kind: ProviderAlertKind;
  change: string;
  /** A line that says what it is. */
  subject: string;
  /** For people, in plain text. */
  body: string;
  /** For programs: what the words say, as members of the webhook's `data`. */
  facts: Readonly<Record<string, unknown>>;
  /** Names the fact: it is told once, and carries the same id on every attempt. */
  dedupe: string;
};
