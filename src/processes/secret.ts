import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SECRET_BYTES = 48;

/** FOREWARN_SECRET of an installation that was given none: made at first start, kept in the data folder (mode 0600). */
export const keptSecret = (dataFolder: string): string => {
  const file = join(dataFolder, "secret");
  if (!existsSync(file)) {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    // Never over one that another start has just written: what it sealed would be lost.
    writeFileSync(file, `${randomBytes(SECRET_BYTES).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  }
  return readFileSync(file, "utf8").trim();
};
