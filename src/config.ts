import { delimiter, resolve } from "node:path";
import { judgeWebhookUrl } from "./domain/address.ts";
import { type Fault, nearestOf } from "./domain/fault.ts";
import { clientVariables, VARIABLES, variables } from "./variables.ts";

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
  /** The provider's own mail address. */
  contact: string | undefined;
  /** The provider's own webhook; its secret is `whsec_…`. */
  contactWebhook: { url: string; secret: string } | undefined;
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

/** Variables of which one alone means nothing. */
const TOGETHER: readonly (readonly string[])[] = [
  ["DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_KEY_FILE"],
  ["FOREWARN_CONTACT_WEBHOOK", "FOREWARN_CONTACT_WEBHOOK_SECRET"],
];

/** Reads and checks all variables; an empty one counts as absent. Throws ConfigError with a line per fault. */
export const readConfig = (env: NodeJS.ProcessEnv = process.env): Config => {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = variables.safeParse(present);
  const faults: Fault[] = parsed.success
    ? []
    : parsed.error.issues.map((issue) => ({ path: String(issue.path[0]), message: issue.message }));
  for (const names of TOGETHER) {
    const missing = names.filter((name) => present[name] === undefined);
    if (missing.length === names.length) continue;
    for (const path of missing)
      faults.push({ path, message: `is missing; set ${names.join(", ")} together or none of them` });
  }
  if (present["DATABASE_URL"] !== undefined && present["FOREWARN_SECRET"] === undefined)
    faults.push({
      path: "FOREWARN_SECRET",
      message: "is missing but required once DATABASE_URL is set; example: a line of `openssl rand -base64 48`",
    });
  if (parsed.success && parsed.data.FOREWARN_CONTACT_WEBHOOK !== undefined) {
    const verdict = judgeWebhookUrl(parsed.data.FOREWARN_CONTACT_WEBHOOK, parsed.data.FOREWARN_WEBHOOK_ALLOW);
    if (!verdict.ok) faults.push({ path: "FOREWARN_CONTACT_WEBHOOK", message: verdict.problem });
  }
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
    contactWebhook:
      it.FOREWARN_CONTACT_WEBHOOK && it.FOREWARN_CONTACT_WEBHOOK_SECRET
        ? { url: it.FOREWARN_CONTACT_WEBHOOK, secret: it.FOREWARN_CONTACT_WEBHOOK_SECRET }
        : undefined,
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

/** Variables that look like ours and that nothing reads, each with the nearest one that is read. */
export const unknownVariables = (env: NodeJS.ProcessEnv = process.env): Fault[] => {
  const known = Object.keys(VARIABLES);
  const prefix = "FOREWARN_";
  const bare = (name: string): string => name.replace(prefix, "");
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .map((name) => {
      const near = known.find((one) => one === bare(name)) ?? nearestOf(name, known);
      return { path: name, message: near ? `is unknown, did you mean ${near}?` : "is unknown and changes nothing" };
    });
};

/** Where the policy file is said to be, even when other variables are wrong. */
export const readPolicyPath = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  env["FOREWARN_POLICY"] || undefined;

/** Whether a system package may be installed, for what has no other use for the configuration. */
export const readMayInstall = (env: NodeJS.ProcessEnv = process.env): boolean => env["FOREWARN_NO_INSTALL"] !== "1";

/** Whether npm runs this process as one of its scripts, and is to be outlived by none of it. */
export const readUnderNpm = (env: NodeJS.ProcessEnv = process.env): boolean => env["npm_lifecycle_event"] !== undefined;

/** The folders in which the system looks for programs, in its order. */
export const readProgramFolders = (env: NodeJS.ProcessEnv = process.env): string[] =>
  (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");

/** The whole environment, for programs that this process starts: passed on, not read. */
export const readSurroundings = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({ ...env });
