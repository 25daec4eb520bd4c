import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import type { Log } from "../log.ts";
import { EmbeddedError } from "./embedded-error.ts";
import { findProgram } from "./find-program.ts";

const run = promisify(execFile);

type Account = { name: string; uid: number; gid: number };

/** initdb wants its user to have a name, so only an account that exists will do. */
const unprivilegedAccount = async (): Promise<Account> => {
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["nobody", "daemon"]) {
    const [, , uid, gid] = accounts.find(([known]) => known === name) ?? [];
    if (Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedError("PostgreSQL does not run as root, and there is no user nobody: set DATABASE_URL");
};

const works = (command: readonly string[]): Promise<boolean> =>
  run(command[0] ?? "", [...command.slice(1), "true"]).then(
    () => true,
    () => false,
  );

const ownerOf = async (path: string): Promise<{ uid: number; gid: number } | null> =>
  await stat(path).then(
    ({ uid, gid }) => ({ uid, gid }),
    () => null,
  );

/** Truly another user, who yet may enter the folders that root may enter. */
const asUser = (setpriv: string, { uid, gid }: { uid: number; gid: number }): string[] => [
  setpriv,
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--clear-groups",
  "--inh-caps=-all,+dac_override",
  "--ambient-caps=-all,+dac_override",
  "--",
];

/** Another user in the server's own eyes only: to everybody else it is still who we are, and owns what we own. */
const asIfUser = (unshare: string, { uid, gid }: Account): string[] => [
  unshare,
  "--user",
  `--map-user=${uid}`,
  `--map-group=${gid}`,
  "--",
];

const hasName = (): boolean => {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
};

/**
 * What to put before PostgreSQL's command line, because it refuses to run as root or as a user without a name.
 *
 * | who we are | it runs as |
 * |---|---|
 * | an ordinary user with a name | ourselves |
 * | root, and `cluster` belongs to somebody else | its owner |
 * | root, or a user without a name | ourselves, under another number in a user namespace |
 * | root where user namespaces are forbidden | the system's `nobody`, and the log says so |
 */
export const runAs = async ({ cluster, log }: { cluster: string; log: Log }): Promise<readonly string[]> => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && hasName()) return [];
  const [unshare, setpriv] = await Promise.all([findProgram("unshare"), findProgram("setpriv")]);
  const owner = await ownerOf(cluster);
  if (isRoot && setpriv && owner && owner.uid !== 0) return asUser(setpriv, owner);
  const account = await unprivilegedAccount();
  if (unshare && (await works(asIfUser(unshare, account)))) return asIfUser(unshare, account);
  if (isRoot && setpriv && (await works(asUser(setpriv, account)))) {
    log.warn({ user: account.name }, "user namespaces are forbidden here: PostgreSQL runs as another system user");
    return asUser(setpriv, account);
  }
  throw new EmbeddedError(
    "PostgreSQL does not run as root, and this system lets us start it neither in a user namespace (unshare) nor as another user (setpriv): run as an ordinary user, or set DATABASE_URL",
  );
};
