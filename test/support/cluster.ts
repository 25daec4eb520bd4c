import { randomBytes } from "node:crypto";
import { loadPolicy } from "../../src/processes/connect.ts";
import { type Pipeline, startPipeline } from "./pipeline.ts";
import { type Program, startProgram } from "./programs.ts";
import { freshDatabase, type PrivateServer, privateRedis } from "./servers.ts";

export const WORKERS = ["scheduler", "email", "webhook"] as const;
export type WorkerName = (typeof WORKERS)[number];

/** Forewarn as separate processes on a database and a Redis of their own; this process only emits, receives and looks. */
export type Cluster = Pipeline & {
  redisServer: PrivateServer;
  env: Record<string, string>;
  start(worker: WorkerName): Promise<Program>;
};

export const startCluster = async ({
  policyFile,
  databaseUrl,
}: {
  policyFile?: string;
  databaseUrl?: string;
} = {}): Promise<Cluster> => {
  const redisServer = await privateRedis();
  const url = databaseUrl ?? (await freshDatabase());
  const secret = randomBytes(48).toString("base64");
  const pipeline = await startPipeline({
    running: false,
    policy: await loadPolicy(policyFile),
    databaseUrl: url,
    redis: { url: redisServer.url, prefix: "forewarn" },
    secret,
  });
  const env: Record<string, string> = {
    DATABASE_URL: url,
    REDIS_URL: redisServer.url,
    FOREWARN_SECRET: secret,
    SMTP_URL: pipeline.mailbox.url,
    FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8",
    LOG_LEVEL: "info",
    ...(policyFile === undefined ? {} : { FOREWARN_POLICY: policyFile }),
  };
  return { ...pipeline, redisServer, env, start: (worker) => startProgram(`workers/${worker}.ts`, { env }) };
};
