import { Command } from "commander";
import { type Config, ConfigError, readConfig, readPolicyPath, unknownVariables } from "../config.ts";
import type { Fault } from "../domain/fault.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { faultLine } from "./exit.ts";

const EXAMPLES = `
Examples:
  $ forewarn config check
  $ forewarn config check --policy policy.json`;

/** What `read` gives, and its faults kept for later. */
const judged = async <T>(read: () => T | Promise<T>, faults: Fault[]): Promise<T | undefined> => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults);
    return undefined;
  }
};

/** What is in force, by setting; secrets are shown as set or not. */
const settings = (config: Config, policyFile: string | undefined): Record<string, string> => ({
  listens: `${config.host}:${config.port}`,
  "public address": config.publicUrl,
  postgres: config.databaseUrl ? "DATABASE_URL" : `embedded, in ${config.dataFolder}`,
  redis: config.redisUrl ? "REDIS_URL" : `embedded, in ${config.dataFolder}`,
  mail: config.smtpUrl ? `SMTP_URL, from ${config.mailFrom}` : "none: mails wait until SMTP_URL is set",
  dkim: config.dkim ? `${config.dkim.selector} at ${config.dkim.domain}` : "none",
  "own contact":
    [config.contact, config.contactWebhook && `${new URL(config.contactWebhook.url).origin}/…`]
      .filter((way) => way !== undefined)
      .join(" and ") || "none: what partners ask is in the log only",
  policy: policyFile ?? "built in",
  templates: config.templatesFolder ?? "built in",
  "webhooks reach": ["public addresses", ...config.webhookAllow].join(", "),
  secret: config.secret ? "FOREWARN_SECRET" : "made at first start, kept in the data folder",
});

const checkCommand = (cli: Cli): Command =>
  new Command("check")
    .description("check the environment, the policy file and the templates, and name every fault at once")
    .option("--policy <file>", "check this file (default: FOREWARN_POLICY)")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (options: JsonOption & { policy?: string }) => {
      const [{ loadPolicy }, { checkTemplates }] = await Promise.all([
        import("../processes/connect.ts"),
        import("../processes/own-templates.ts"),
      ]);
      const faults: Fault[] = [];
      const policyFile = options.policy ?? readPolicyPath();
      const config = await judged(readConfig, faults);
      // A file that the environment names wrongly is one fault.
      const isNamedWrongly = options.policy === undefined && faults.some(({ path }) => path === "FOREWARN_POLICY");
      if (!isNamedWrongly) await judged(() => loadPolicy(policyFile), faults);
      await judged(() => checkTemplates(config?.templatesFolder), faults);
      if (!config || faults.length > 0) throw new ConfigError(faults);
      const inForce = settings(config, policyFile);
      const warnings = unknownVariables();
      for (const fault of options.json ? [] : warnings) cli.terminal.note(`! ${faultLine(fault)}`);
      cli.terminal.answer(options, { status: "good", settings: inForce, warnings }, () =>
        [
          cli.terminal.paint("green", "the configuration is good"),
          ...Object.entries(inForce).map(([name, value]) => `  ${cli.terminal.paint("dim", name.padEnd(16))}${value}`),
        ].join("\n"),
      );
    });

/** `forewarn config check`. */
export const configCommand = (cli: Cli): Command =>
  new Command("config")
    .description("what this installation is told by its environment: check")
    .addCommand(checkCommand(cli));
