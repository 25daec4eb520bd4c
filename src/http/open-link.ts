import type { Clock } from "../clock.ts";
import { pageClosesAt } from "../domain/page-life.ts";
import type { Keyring } from "../keyring.ts";
import { findRecord, type RecordedChange } from "../ledger/changelog.ts";
import type { Sql } from "../ledger/connection.ts";
import { pageEpochOf } from "../ledger/partner-links.ts";
import { findPartner, type PartnerRow } from "../ledger/partners.ts";

/** What a private link leads to. */
export type OpenedLink =
  | { kind: "home"; partner: PartnerRow; epoch: number }
  | { kind: "change"; partner: PartnerRow; epoch: number; view: RecordedChange }
  /** The change took effect long ago. */
  | { kind: "closed"; partner: PartnerRow; view: RecordedChange }
  /** Forged, cut short, made void, or of a partner who left. */
  | { kind: "missing" };

/** Whose link it is; null when it is nobody's. A link of an earlier epoch is. */
const ownerOf = async (
  sql: Sql,
  subject: { partner: string; epoch: number } | null,
): Promise<{ partner: PartnerRow; epoch: number } | null> => {
  if (!subject) return null;
  const [partner, epoch] = [await findPartner(sql, subject.partner), await pageEpochOf(sql, subject.partner)];
  return partner && epoch === subject.epoch ? { partner, epoch } : null;
};

type Parts = { sql: Sql; keyring: Keyring; clock: Clock };

/** Follows a link to a partner's page. */
export const openLink = async (token: string, { sql, keyring, clock }: Parts): Promise<OpenedLink> => {
  const subject = keyring.readPageToken(token);
  const owner = await ownerOf(sql, subject);
  if (!owner || !subject) return { kind: "missing" };
  if (subject.change === null) return { kind: "home", ...owner };
  const view = await findRecord(sql, subject.change);
  if (!view) return { kind: "missing" };
  const closesAt = pageClosesAt({
    releaseAt: view.state.fields.releaseAt,
    releasedAt: view.releasedAt,
    revisedAt: view.revisedAt,
    zone: view.policyZone,
  });
  return closesAt !== null && closesAt <= clock.now()
    ? { kind: "closed", partner: owner.partner, view }
    : { kind: "change", ...owner, view };
};

/** Whose calendar a link shows: that of a calendar's link, or of any of the partner's pages. */
export const openCalendarLink = async (
  token: string,
  { sql, keyring }: Pick<Parts, "sql" | "keyring">,
): Promise<PartnerRow | null> => {
  const owner = await ownerOf(sql, keyring.readCalendarToken(token) ?? keyring.readPageToken(token));
  return owner?.partner ?? null;
};
