import { constants } from "node:fs";
import { access, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EmbeddedError } from "./embedded-error.ts";

/** Where a server's socket is; a temporary folder goes with the server. */
export type Sockets = { folder: string; temporary: boolean };

/** `sun_path` less its NUL. */
const SOCKET_BYTES = process.platform === "linux" ? 107 : 103;

/** `folder`/`name`, made where it is missing, for its owner alone. EmbeddedError where it cannot be used. */
export const ownFolder = async (folder: string, name: string): Promise<string> => {
  const own = join(resolve(folder), name);
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await access(own, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EmbeddedError(`The folder ${own} cannot be used (${code}): set FOREWARN_DATA to a folder of your own`);
  }
  return own;
};

/** `folder` when a socket named `file` fits into it, otherwise a new temporary folder that only its owner may enter. */
export const socketFolder = async (folder: string, file: string): Promise<Sockets> => {
  const fits = (path: string): boolean => Buffer.byteLength(join(path, file)) <= SOCKET_BYTES;
  if (fits(folder)) return { folder, temporary: false };
  const base = fits(join(tmpdir(), "forewarn-XXXXXX")) ? tmpdir() : "/tmp";
  return { folder: await mkdtemp(join(base, "forewarn-")), temporary: true };
};
