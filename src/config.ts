import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { isCidr } from "./domain/address.ts";
import type { Fault } from "./domain/fault.ts";

const allowList = z
  .string()
  .regex(
    /^[0-9a-fA-F.:]+\/\d{1,3}(,[0-9a-fA-F.:]+\/\d{1,3})*$/,
    "is not a list of CIDRs; example: 127.0.0.0/8,10.1.0.0/16",
  )
  .refine(
    (text) => text.split(",").every(isCidr),
    "holds a range that does not exist; example: 127.0.0.0/8,10.1.0.0/16",
  )
  .transform((text) => text.split(","));

const urlOf = (schemes: string[], example: string) =>
  z
    .string()
    .refine(
      (text) => schemes.some((scheme) => text.startsWith(`${scheme}:`)) && URL.canParse(text),
      `is not such an address; example: ${example}`,
    );

const bare = (example: string) => z.string().min(1, `is empty; example: ${example}`);

const portLike = (example: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, `is not a port number; example: ${example}`)
    .transform(Number)
    .refine((port) => port <= 65_535, `is above 65535; example: ${example}`);

const variables = z.object({
  HOST: bare("127.0.0.1").default("127.0.0.1"),
  PORT: portLike(8484).default(8484),
  PUBLIC_URL: urlOf(["http", "https"], "https://notices.example.com")
    .transform((text) => text.replace(/\/+$/, ""))
    .optional(),
  DATABASE_URL: urlOf(["postgres", "postgresql"], "postgres://user:password@db.internal:5432/forewarn").optional(),
  REDIS_URL: urlOf(["redis", "rediss", "unix"], "redis://redis.internal:6379").optional(),
  FOREWARN_DATA: bare(".forewarn").default(".forewarn"),
  FOREWARN_ADMIN_KEY: z
    .string()
    .min(16, "has fewer than 16 characters; example: a line of `openssl rand -base64 32`")
    .optional(),
  FOREWARN_SECRET: z
    .string()
    .refine(
      (text) => Buffer.byteLength(text) >= 32,
      "has fewer than 32 bytes; example: a line of `openssl rand -base64 48`",
    )
    .optional(),
  FOREWARN_CONTACT: z.email("is not a mail address; example: api-team@example.com").optional(),
  FOREWARN_NO_INSTALL: z.enum(["0", "1", ""], "is neither 1 nor 0; example: 1").default("0"),
  FOREWARN_POLICY: z
    .string()
    .refine((path) => existsSync(path), "names a file that does not exist; example: ./policy.json")
    .optional(),
  FOREWARN_HEARTBEAT: bare("/tmp/heartbeat").optional(),
  FOREWARN_METRICS_PORT: portLike(9464).optional(),
  FOREWARN_METRICS_HOST: bare("127.0.0.1").default("127.0.0.1"),
  FOREWARN_TEMPLATES: z
    .string()
    .refine((path) => existsSync(path), "names a folder that does not exist; example: ./templates")
    .optional(),
  FOREWARN_WEBHOOK_ALLOW: allowList.default([]),
  SMTP_URL: urlOf(["smtp", "smtps"], "smtp://user:password@mail.internal:587").optional(),
  MAIL_FROM: z
    .string()
    .regex(/^(?:[^<>\r\n]+ )?<?[^<>@\s]+@[^<>@\s]+>?$/, "is not a sender; example: API changes <changes@example.com>")
    .default("Forewarn <forewarn@localhost>"),
  DKIM_DOMAIN: bare("example.com").optional(),
  DKIM_SELECTOR: bare("forewarn").optional(),
  DKIM_KEY_FILE: z
    .string()
    .refine((path) => existsSync(path), "names a file that does not exist; example: /run/secrets/dkim.pem")
    .optional(),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], "is not a level; example: info")
    .default("info"),
});

/** Every setting, checked; INTERFACE: "Environment". Only this file reads the environment. */
export type Config = {
  host: string;
  port: number;
  publicUrl: string;
  /** Absent: the embedded server under `dataFolder`. */
  databaseUrl: string | undefined;
  redisUrl: string | undefined;
  dataFolder: string;
  adminKey: string | undefined;
  /** Absent: made at first start and kept in the data folder. */
  secret: string | undefined;
  contact: string | undefined;
  mayInstall: boolean;
  policyFile: string | undefined;
  /** A file that a process by itself touches each second while it is well (`workers/health.ts` looks at it). */
  heartbeatFile: string | undefined;
  /** Where a worker by itself serves its metrics (0: any free port); absent: nowhere. */
  metricsPort: number | undefined;
  metricsHost: string;
  /** A folder whose templates are taken before the built-in ones of the same name. */
  templatesFolder: string | undefined;
  /** CIDRs of private ranges that webhooks may reach, over `http:` too. */
  webhookAllow: readonly string[];
  smtpUrl: string | undefined;
  mailFrom: string;
  dkim: { domain: string; selector: string; keyFile: string } | undefined;
  logLevel: string;
};

/** Exit code of a process whose configuration is wrong (sysexits' EX_CONFIG). */
export const EXIT_CONFIG = 78;

/** Thrown with every fault at once; `path` is the variable's name. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map((fault) => `${fault.path} ${fault.message}`).join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** @example addressOf("::1", 8484) // "http://[::1]:8484" */
export const addressOf = (host: string, port: number): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Reads and checks all variables; an empty one counts as absent. Throws ConfigError with a line per fault. */
export const readConfig = (env: NodeJS.ProcessEnv = process.env): Config => {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = variables.safeParse(present);
  const faults: Fault[] = parsed.success
    ? []
    : parsed.error.issues.map((issue) => ({ path: String(issue.path[0]), message: issue.message }));
  const dkimNames = ["DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_KEY_FILE"];
  const dkimMissing = dkimNames.filter((name) => present[name] === undefined);
  if (dkimMissing.length > 0 && dkimMissing.length < dkimNames.length)
    for (const name of dkimMissing)
      faults.push({ path: name, message: "is missing while other DKIM variables are set; set all three or none" });
  if (present["DATABASE_URL"] !== undefined && present["FOREWARN_SECRET"] === undefined)
    faults.push({
      path: "FOREWARN_SECRET",
      message: "is missing but required once DATABASE_URL is set; example: a line of `openssl rand -base64 48`",
    });
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  const it = parsed.data;
  return {
    host: it.HOST,
    port: it.PORT,
    publicUrl: it.PUBLIC_URL ?? addressOf(it.HOST, it.PORT),
    databaseUrl: it.DATABASE_URL,
    redisUrl: it.REDIS_URL,
    dataFolder: resolve(it.FOREWARN_DATA),
    adminKey: it.FOREWARN_ADMIN_KEY,
    secret: it.FOREWARN_SECRET,
    contact: it.FOREWARN_CONTACT,
    mayInstall: it.FOREWARN_NO_INSTALL !== "1",
    policyFile: it.FOREWARN_POLICY,
    heartbeatFile: it.FOREWARN_HEARTBEAT,
    metricsPort: it.FOREWARN_METRICS_PORT,
    metricsHost: it.FOREWARN_METRICS_HOST,
    templatesFolder: it.FOREWARN_TEMPLATES,
    webhookAllow: it.FOREWARN_WEBHOOK_ALLOW,
    smtpUrl: it.SMTP_URL,
    mailFrom: it.MAIL_FROM,
    dkim:
      it.DKIM_DOMAIN && it.DKIM_SELECTOR && it.DKIM_KEY_FILE
        ? { domain: it.DKIM_DOMAIN, selector: it.DKIM_SELECTOR, keyFile: it.DKIM_KEY_FILE }
        : undefined,
    logLevel: it.LOG_LEVEL,
  };
};

/** Where the CLI finds the API. */
export type ClientConfig = {
  /** Absent: the server that runs from `dataFolder`. */
  url: string | undefined;
  key: string | undefined;
  dataFolder: string;
};

const clientVariables = variables.pick({ FOREWARN_DATA: true }).extend({
  FOREWARN_URL: urlOf(["http", "https"], "https://notices.example.com")
    .transform((text) => text.replace(/\/+$/, ""))
    .optional(),
  FOREWARN_KEY: bare("a key that `forewarn keys create` showed").optional(),
});

/** Every variable that is read, with its value when absent (`undefined`: none); README's table is checked against it. */
export const VARIABLES: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(Object.keys({ ...variables.shape, ...clientVariables.shape }).map((name) => [name, undefined])),
  ...variables.parse({}),
};

/** Reads what a client of the API needs, and nothing of the server's. Throws ConfigError with a line per fault. */
export const readClientConfig = (env: NodeJS.ProcessEnv = process.env): ClientConfig => {
  const parsed = clientVariables.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== "")),
  );
  if (!parsed.success)
    throw new ConfigError(
      parsed.error.issues.map((issue) => ({ path: String(issue.path[0]), message: issue.message })),
    );
  const it = parsed.data;
  return { url: it.FOREWARN_URL, key: it.FOREWARN_KEY, dataFolder: resolve(it.FOREWARN_DATA) };
};

/** Where the policy file is said to be, even when other variables are wrong. */
export const readPolicyPath = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  env["FOREWARN_POLICY"] || undefined;

/** Whether a system package may be installed, for what has no other use for the configuration. */
export const readMayInstall = (env: NodeJS.ProcessEnv = process.env): boolean => env["FOREWARN_NO_INSTALL"] !== "1";

/** Whether npm runs this process as one of its scripts, and is to be outlived by none of it. */
export const readUnderNpm = (env: NodeJS.ProcessEnv = process.env): boolean => env["npm_lifecycle_event"] !== undefined;
