import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readOwner } from "../../src/embedded/owner.ts";
import { familyOf } from "./family.ts";
import type { PrivateServer } from "./servers.ts";

/** Nothing of the server runs until `work` has ended, though every connection to it stands. Linux only. */
export const whileStopped = async ({ folder }: PrivateServer, work: () => Promise<void>): Promise<void> => {
  const owners = await Promise.all(readdirSync(folder).map((name) => readOwner(join(folder, name))));
  const family = owners.flatMap((owner) => (owner ? familyOf(owner.server) : []));
  for (const pid of family) process.kill(pid, "SIGSTOP");
  try {
    await work();
  } finally {
    for (const pid of family) process.kill(pid, "SIGCONT");
  }
};
