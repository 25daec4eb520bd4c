import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../config.ts";

/** What `start` leaves in the data folder while it runs, so that the CLI finds it. */
export type LocalServer = {
  url: string;
  pid: number;
  /** Of the embedded servers only: sockets in this folder, without a password. */
  databaseUrl?: string | undefined;
  redisUrl?: string | undefined;
  /** Absent: it was written by an older version. */
  settings?: LocalSettings | undefined;
};

/** What the server was started with, for those who look at it from another shell; nothing secret. */
export type LocalSettings = {
  publicUrl: string;
  /** Absolute. */
  policyFile?: string | undefined;
  templatesFolder?: string | undefined;
  /** By which ways the provider's own contact is told. */
  contactWays: readonly string[];
  sendsMail: boolean;
};

/** The ways in which somebody of the provider's is told. */
export const contactWaysOf = ({ contact, contactWebhook }: Pick<Config, "contact" | "contactWebhook">): string[] => [
  ...(contact === undefined ? [] : ["mail"]),
  ...(contactWebhook === undefined ? [] : ["webhook"]),
];

const absolute = (path: string | undefined): string | undefined => path && resolve(path);

export const localSettings = (config: Config): LocalSettings => ({
  publicUrl: config.publicUrl,
  policyFile: absolute(config.policyFile),
  templatesFolder: absolute(config.templatesFolder),
  contactWays: contactWaysOf(config),
  sendsMail: config.smtpUrl !== undefined,
});

const serverFile = (dataFolder: string): string => join(dataFolder, "server.json");
const keyFile = (dataFolder: string): string => join(dataFolder, "admin-key");

/** The server that runs from this data folder, as far as its file says; null where there is none. */
export const readLocalServer = (dataFolder: string): LocalServer | null => {
  const file = serverFile(dataFolder);
  if (!existsSync(file)) return null;
  const { url, pid, databaseUrl, redisUrl, settings } = JSON.parse(readFileSync(file, "utf8")) as Partial<LocalServer>;
  return typeof url === "string" && typeof pid === "number" ? { url, pid, databaseUrl, redisUrl, settings } : null;
};

export const writeLocalServer = (dataFolder: string, server: LocalServer): void => {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  // Written aside and renamed, so that nobody reads half of it.
  const aside = `${serverFile(dataFolder)}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(server)}\n`);
  renameSync(aside, serverFile(dataFolder));
};

export const removeLocalServer = (dataFolder: string): void => rmSync(serverFile(dataFolder), { force: true });

/** The admin key that the first start left here (mode 0600); null where there is none. */
export const readAdminKey = (dataFolder: string): string | null =>
  existsSync(keyFile(dataFolder)) ? readFileSync(keyFile(dataFolder), "utf8").trim() : null;
