import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Who runs the server in a folder: `program` and `server` are process ids, `sockets` a temporary folder of its own. */
export type Owner = { program: number; server: number; sockets: string | null };

const FILE = "owner.json";

export const readOwner = async (folder: string): Promise<Owner | null> => {
  try {
    return JSON.parse(await readFile(join(folder, FILE), "utf8")) as Owner;
  } catch {
    // Absent, or cut short by a crash: either way nobody says that they own the folder.
    return null;
  }
};

export const writeOwner = (folder: string, owner: Owner): Promise<void> =>
  writeFile(join(folder, FILE), JSON.stringify(owner), { mode: 0o600 });

export const removeOwner = (folder: string): Promise<void> => rm(join(folder, FILE), { force: true });

/** Its state, where /proc tells: what has ended but was not yet collected by its parent (`Z`) still has its id. */
const isZombie = (pid: number): boolean => {
  try {
    return /^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

/** Whether a process runs under this id now; it may be another one than it was. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Whether the owner's server still runs on `folder`: its command line tells it from a later process of the same id. */
export const isServing = async ({ server, sockets }: Owner, folder: string): Promise<boolean> => {
  const { stdout } = await promisify(execFile)("ps", ["-o", "command=", "-p", String(server)]).catch(() => ({
    stdout: "",
  }));
  return stdout.includes(folder) || (sockets !== null && stdout.includes(sockets));
};
