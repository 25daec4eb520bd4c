import { lookup as systemLookup, type LookupAddress, type LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { type AllowList, judgeAddress } from "../domain/address.ts";

/** Why nothing is sent to an address that webhooks may not reach. */
export class AddressNotAllowed extends Error {
  override readonly name = "AddressNotAllowed";
}

/** `dns.lookup` asked for all addresses; tests give their own. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export type Vetting = {
  /** Why an address may not be reached; null when it may. Without TLS (`secure`) only the allow-list may. */
  objection: (address: string, secure: boolean) => AddressNotAllowed | null;
  /**
   * A lookup for `net.connect` that answers with what may be reached alone, in the shape asked for (`all` or one). With
   * nothing of that it answers AddressNotAllowed. `resolved` is called just before a good answer.
   */
  lookupFor: (secure: boolean, resolved: () => void) => LookupFunction;
};

export const makeVetting = (parts: { allow: AllowList; lookup?: Lookup | undefined }): Vetting => {
  const { allow } = parts;
  const lookup: Lookup = parts.lookup ?? ((name, options, answer) => systemLookup(name, options, answer));

  const objection: Vetting["objection"] = (address, secure) => {
    const verdict = judgeAddress(address, allow);
    if (verdict.kind === "refused") return new AddressNotAllowed(`the address is ${verdict.why}`);
    return secure || verdict.kind === "allowed"
      ? null
      : new AddressNotAllowed("http: is only for addresses in FOREWARN_WEBHOOK_ALLOW; use https:");
  };

  return {
    objection,
    lookupFor: (secure, resolved) => (hostname, options, answer) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return answer(error, []);
        const [first, ...others] = addresses.filter(({ address }) => objection(address, secure) === null);
        if (!first) {
          const refused = addresses[0] && objection(addresses[0].address, secure);
          return answer(refused ?? new Error(`${hostname} has no address`), []);
        }
        resolved();
        return options.all ? answer(null, [first, ...others]) : answer(null, first.address, first.family);
      });
    },
  };
};
