import { timingSafeEqual } from "node:crypto";
import type { Scope } from "../ledger/keys.ts";

export type LiveKey = { key: string; scopes: readonly Scope[] };

/** The longest that a revocation by another process takes to count in this one. */
const REMEMBERED_MS = 1_000;
const MOST = 1_000;

/** The keys that emitters of the last second came with: each is looked up once in it, however many events it brings. */
export type LiveKeys = {
  /** The live key with this SHA-256; null when there is none or it was revoked, which is not remembered. */
  find(hash: Buffer): Promise<LiveKey | null>;
  /** The same, asked of the ledger now. */
  findNow(hash: Buffer): Promise<LiveKey | null>;
  /** To be called once a revocation is committed, before it is answered: what was looked up until then counts no more. */
  forget(): void;
};

type Parts = {
  look: (hash: Buffer) => Promise<(LiveKey & { hash: Buffer }) | null>;
  /** Milliseconds that never go back. */
  now?: () => number;
};

export const makeLiveKeys = ({ look, now = () => performance.now() }: Parts): LiveKeys => {
  /** Also those whose look-up is under way: whoever asks meanwhile shares it. The second runs from when it began. */
  const looked = new Map<string, { until: number; found: Promise<LiveKey | null> }>();

  const findNow = async (hash: Buffer): Promise<LiveKey | null> => {
    const key = await look(hash);
    return key && timingSafeEqual(key.hash, hash) ? key : null;
  };

  const lookUp = (fingerprint: string, hash: Buffer): Promise<LiveKey | null> => {
    const found = findNow(hash);
    const entry = { until: now() + REMEMBERED_MS, found };
    const drop = (): void => {
      if (looked.get(fingerprint) === entry) looked.delete(fingerprint);
    };
    found.then((key) => key ?? drop(), drop);
    if (looked.size >= MOST) looked.clear();
    looked.set(fingerprint, entry);
    return found;
  };

  return {
    find: (hash) => {
      const fingerprint = hash.toString("base64");
      const entry = looked.get(fingerprint);
      return entry && now() < entry.until ? entry.found : lookUp(fingerprint, hash);
    },
    findNow,
    forget: () => looked.clear(),
  };
};
