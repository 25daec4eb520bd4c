import { endpointId } from "../domain/delivery.ts";
import type { Keyring } from "../keyring.ts";
import type { Ledger } from "../ledger/connection.ts";
import { type EndpointRow, endpointsOf, findEndpoint } from "../ledger/endpoints.ts";
import { setUnsubscribed } from "../ledger/partner-links.ts";
import type { Log } from "../log.ts";

/** What an address decides on its mails, by the token that each of them bears: on a page, by a mail program's one click, or by a mail. */
export type MailChoice = {
  /** The mail endpoint of a token; null: the token is none of ours, or the endpoint is gone. */
  find(token: string): Promise<EndpointRow | null>;
  /** Ends its mails, or lets them come again; answers the endpoint as it is then. Said twice it is one decision. */
  choose(token: string, unsubscribed: boolean): Promise<EndpointRow | null>;
};

export const makeMailChoice = ({
  ledger,
  keyring,
  log,
}: {
  ledger: Ledger;
  keyring: Keyring;
  log: Log;
}): MailChoice => {
  const sql = ledger.pools.routine;

  const find = async (token: string): Promise<EndpointRow | null> => {
    const no = keyring.readUnsubscribeToken(token);
    const endpoint = no === null ? null : await findEndpoint(sql, no);
    return endpoint?.channel === "email" ? endpoint : null;
  };

  return {
    find,
    choose: async (token, unsubscribed) => {
      const before = await find(token);
      if (!before) return null;
      if (await setUnsubscribed(sql, before.no, unsubscribed)) {
        const { partner, no } = before;
        const facts = { endpoint: endpointId(no), partner, unsubscribed };
        const left = await endpointsOf(sql, [partner]);
        if (left.some(({ status, role }) => status === "active" && role === "primary"))
          log.info(facts, "a mail address decided on its mails");
        else log.warn(facts, "a mail address decided on its mails, and no endpoint reaches its partner any more");
      }
      return find(token);
    },
  };
};
