import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { readProgramFolders } from "../config.ts";

/** Where system programs are even when PATH, as a service manager or cron sets it, leaves them out. */
const USUAL_FOLDERS = [
  "/usr/local/bin",
  "/usr/bin",
  "/bin",
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
  "/opt/homebrew/bin",
];

/** The full path of the first program of that name on PATH or in the usual folders; null when there is none. */
export const findProgram = async (name: string): Promise<string | null> => {
  for (const folder of [...readProgramFolders(), ...USUAL_FOLDERS]) {
    const path = join(folder, name);
    const runnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runnable) return path;
  }
  return null;
};
