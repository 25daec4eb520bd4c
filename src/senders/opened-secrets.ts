import type { Keyring } from "../keyring.ts";

/** About 20 MB; forgetting them all costs an opening each. */
const MAX_KEPT = 65_536;

/** Opens sealed webhook secrets, given in hex. */
export type OpenSecret = (sealedHex: string) => string;

/**
 * Opens each sealed secret once and keeps it: a sender meets the same endpoints notice after notice, and opening one
 * (AES-256-GCM) takes 8 µs, a tenth of a whole delivery. A rotated secret is sealed anew, so what is kept is never stale.
 */
export const makeOpenSecret = (keyring: Pick<Keyring, "open">): OpenSecret => {
  const kept = new Map<string, string>();
  return (sealedHex) => {
    const known = kept.get(sealedHex);
    if (known !== undefined) return known;
    if (kept.size >= MAX_KEPT) kept.clear();
    const secret = keyring.open(Buffer.from(sealedHex, "hex"));
    kept.set(sealedHex, secret);
    return secret;
  };
};
