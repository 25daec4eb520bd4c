import { domainToUnicode } from "node:url";
import { type BounceKind, bounceKind, type RecipientReport } from "../domain/bounce.ts";
import { deliveryId, endpointId } from "../domain/delivery.ts";
import { insertBounce, type MailedDelivery, mailedTo } from "../ledger/bounces.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { closeEndpoints } from "../ledger/deliveries.ts";
import type { Keyring } from "../keyring.ts";
import type { Log } from "../log.ts";
import { clip, plainLine } from "../render/plain-text.ts";
import { type BounceMail, readReturnedMail } from "../senders/bounce-mail.ts";
import { webhookId } from "../senders/signature.ts";
import { makeMailChoice } from "./mail-choice.ts";

export type FoundBounce = { delivery: string; endpoint: string; partner: string; kind: BounceKind; status: string };

/** `matched: false`: it is no report, or on no mail of ours; it is left alone. A mail that unsubscribes has no bounces. */
export type TakenBounce =
  | { matched: false }
  | { matched: true; bounces: FoundBounce[]; unsubscribed?: { endpoint: string; partner: string } };

/** Takes a raw mail to the sender's address, as a mail server hands it over: a delivery status notification, or one that unsubscribes. */
export type TakeBounce = (raw: Buffer) => Promise<TakenBounce>;

const DIAGNOSTIC = 500;

/** We send to a domain in ASCII; the endpoint may have it in its own letters. */
const spellings = (address: string): string[] => {
  const at = address.lastIndexOf("@") + 1;
  return [address, address.slice(0, at) + domainToUnicode(address.slice(at))];
};

/**
 * A report counts when it names, in its machine-readable parts, the id of a mail that we did send lately to that very
 * address. A hard one marks the mail endpoint as bounced, once; soft ones are recorded. Nothing else is ever touched by
 * it: whoever forges one can at most silence an address whose mails they know, never a webhook. So can whoever has the token that
 * unsubscribes: it stands in that address's mails, and cannot be guessed.
 */
export const makeTakeBounce = (parts: { ledger: Ledger; keyring: Keyring; log: Log }): TakeBounce => {
  const { ledger, log } = parts;
  const sql = ledger.pools.routine;
  const mailChoice = makeMailChoice(parts);

  /** The one mail of ours that a report is about. A forwarded mail ends at another address than the one it was written to. */
  const mailOf = async (
    report: RecipientReport,
    { mailIds, to, reports }: BounceMail,
  ): Promise<MailedDelivery | null> => {
    const addresses = [...report.recipients, ...(reports.length === 1 ? to : [])].flatMap(spellings);
    const mailed = await mailedTo(sql, [...new Set(addresses)]);
    return mailed.find((it) => mailIds.includes(webhookId(deliveryId(it.noticeId, it.endpoint)))) ?? null;
  };

  const record = ({ notice, endpoint }: MailedDelivery, kind: BounceKind, report: RecipientReport): Promise<boolean> =>
    kind === "none"
      ? Promise.resolve(false)
      : inTransaction(sql, async (commit) => {
          const diagnostic = report.diagnostic === null ? null : clip(plainLine(report.diagnostic), DIAGNOSTIC);
          const isNew = await insertBounce(commit, { notice, endpoint, kind, code: report.code, diagnostic });
          if (isNew && kind === "hard") await closeEndpoints(commit, [endpoint], "bounced");
          return isNew;
        });

  return async (raw) => {
    const mail = await readReturnedMail(raw);
    if (!mail) return { matched: false };
    if (mail.kind === "unsubscribing") {
      const endpoint = await mailChoice.choose(mail.token, true);
      if (!endpoint) return { matched: false };
      const unsubscribed = { endpoint: endpointId(endpoint.no), partner: endpoint.partner };
      return { matched: true, bounces: [], unsubscribed };
    }
    const bounces: FoundBounce[] = [];
    for (const report of mail.reports) {
      const found = await mailOf(report, mail);
      if (!found) continue;
      const kind = bounceKind(report);
      const isNew = await record(found, kind, report);
      const delivery = deliveryId(found.noticeId, found.endpoint);
      log.info({ delivery, partner: found.partner, kind, status: report.code, repeated: !isNew }, "bounce taken");
      bounces.push({
        delivery,
        endpoint: endpointId(found.endpoint),
        partner: found.partner,
        kind,
        status: report.code,
      });
    }
    return bounces.length === 0 ? { matched: false } : { matched: true, bounces };
  };
};
