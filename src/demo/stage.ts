import { randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { type Client, makeClient } from "../cli/client.ts";
import { readConfig, readMayInstall } from "../config.ts";
import { compressPolicy, DEFAULT_POLICY } from "../domain/policy.ts";
import { ensureRedis } from "../embedded/install-redis.ts";
import { makeLog } from "../log.ts";
import { type Everything, startEverything } from "../processes/everything.ts";
import { type Mailbox, startMailbox } from "./mailbox.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

/** A whole installation of a demo's own, with somewhere to send to. */
export type Stage = {
  everything: Everything;
  client: Client;
  mailbox: Mailbox;
  receiver: Receiver;
  logFile: string;
  /** Stops all of it and removes the servers' files; mails and log stay. */
  close(): Promise<void>;
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
};

/** Below the working folder, another one each time, so that copies run side by side. */
const ownFolder = (): string => resolve(".forewarn", "demo", randomBytes(3).toString("hex"));

/** Starts it; what was started is stopped again when a later part fails. `monthMs` compresses the policy. */
export const openStage = async ({
  monthMs,
  say,
}: {
  monthMs: number | null;
  say: (line: string) => void;
}): Promise<Stage> => {
  await ensureRedis({ mayInstall: readMayInstall(), say });
  const folder = ownFolder();
  const servers = join(folder, "servers");
  const logFile = join(folder, "forewarn.log");
  mkdirSync(servers, { recursive: true, mode: 0o700 });
  const logStream = createWriteStream(logFile);
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.toReversed()) await stop();
    logStream.end();
    await rm(servers, { recursive: true, force: true });
  };
  try {
    const mailbox = await startMailbox(join(folder, "mails"));
    stops.push(() => mailbox.stop());
    const receiver = await startReceiver();
    stops.push(() => receiver.stop());
    const policyFile = join(servers, "policy.json");
    if (monthMs !== null) await writeFile(policyFile, JSON.stringify(compressPolicy(DEFAULT_POLICY, monthMs)));
    const config = readConfig({
      PORT: String(await freePort()),
      FOREWARN_DATA: servers,
      FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8",
      SMTP_URL: mailbox.url,
      MAIL_FROM: "API changes <changes@forewarn.example>",
      ...(monthMs === null ? {} : { FOREWARN_POLICY: policyFile }),
    });
    const everything = await startEverything(config, makeLog(config.logLevel, logStream));
    stops.push(() => everything.stop());
    const client = makeClient({ url: everything.address, key: everything.adminKey });
    return { everything, client, mailbox, receiver, logFile, close };
  } catch (error) {
    await close();
    throw error;
  }
};
