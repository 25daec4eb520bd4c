import { randomBytes } from "node:crypto";
import { mintKey } from "../src/http/keys.ts";
import { insertKey } from "../src/ledger/keys.ts";
import type { Stage } from "./stage.ts";

/** The real API in a process of its own, with keys of services that may emit. */
export type RealApi = { pid: number; origin: string; keys: string[] };

/** As many as it takes that the bound on what comes by one key is never what is measured (src/http/limits.ts). */
const KEYS = 16;

export const startApi = async (stage: Stage): Promise<RealApi> => {
  const env = { PORT: "0", FOREWARN_ADMIN_KEY: randomBytes(24).toString("base64url") };
  const real = await stage.start("src/http/main.ts", env, '"the API listens"');
  const keys: string[] = [];
  for (let no = 0; no < KEYS; no += 1) {
    const { id, whole, hash } = mintKey();
    await insertKey(stage.sql, { key: id, name: `emitter ${no}`, hash, scopes: ["emit"] });
    keys.push(whole);
  }
  return { pid: real.pid, origin: (JSON.parse(real.said) as { listening: string }).listening, keys };
};
