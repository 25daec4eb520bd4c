import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../config.ts";
import { wordsOf } from "../errors.ts";
import { loadPolicy } from "../processes/connect.ts";
import { checkTemplates } from "../processes/own-templates.ts";
import { broken, doubtful, type Finding, good, skipped } from "./finding.ts";
import type { Told } from "./told.ts";

const PATIENCE_MS = 3_000;
const OTHERS = 0o077;

/** Files that hold a secret; only their owner may read them. */
const SECRETS = ["secret", "admin-key"] as const;

const modeOf = (path: string): Promise<number | null> =>
  stat(path).then(
    ({ mode }) => mode & 0o777,
    () => null,
  );

const dataFolder = async ({ dataFolder: folder }: Told): Promise<Finding> => {
  const part = "data folder";
  const mode = await modeOf(folder);
  if (mode === null) return skipped(part, `${folder} is not there; the first start makes it`);
  const usable = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!usable)
    return broken(part, `${folder} cannot be used by this user`, "set FOREWARN_DATA to a folder of your own");
  for (const name of SECRETS) {
    const file = join(folder, name);
    if (((await modeOf(file)) ?? 0) & OTHERS)
      return broken(part, `others may read ${file}`, `run: chmod 600 '${file}'`);
  }
  return mode & OTHERS
    ? doubtful(part, `others may enter ${folder}`, `run: chmod 700 '${folder}'`)
    : good(part, `${folder} is its owner's alone`);
};

const smtp = async ({ sendsMail, smtp: ask }: Told): Promise<Finding> => {
  if (!sendsMail) return doubtful("smtp", "SMTP_URL is not set: mails wait", "set SMTP_URL to your mail relay");
  const state = await ask();
  return state === "ok"
    ? good("smtp", "the relay greets us")
    : broken("smtp", `the relay: ${state}`, "see that it runs, and check SMTP_URL");
};

/** Who is told when a partner asks for help, and by which ways. */
const contact = ({ contactWays: ways, sendsMail }: Told): Finding => {
  const part = "own contact";
  if (ways.length === 0)
    return doubtful(
      part,
      "nobody of yours is told when a partner asks for help",
      "set FOREWARN_CONTACT to a mail address, FOREWARN_CONTACT_WEBHOOK to a webhook, or both",
    );
  return ways.includes("mail") && !sendsMail
    ? doubtful(part, `is told by ${ways.join(" and ")}, and the mails wait`, "set SMTP_URL to your mail relay")
    : good(part, `is told by ${ways.join(" and ")}`);
};

const faultsOf = ({ faults }: ConfigError): string =>
  faults.map(({ path, message }) => `${path} ${message}`).join("; ");

const policy = async ({ policyFile }: Told): Promise<Finding> => {
  try {
    await loadPolicy(policyFile);
    return good("policy", policyFile ?? "the built-in one");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return broken("policy", faultsOf(error), "mend the file; forewarn config check says when it is good");
  }
};

const templates = ({ templatesFolder: folder }: Told): Finding => {
  try {
    checkTemplates(folder);
    return good("templates", folder ?? "the built-in ones");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return broken("templates", faultsOf(error), "mend the template, or take it out of FOREWARN_TEMPLATES");
  }
};

/** Partners follow links to this address; here it is asked from this host only, which may be another way in. */
const publicUrl = async ({ publicUrl: url }: Told): Promise<Finding> => {
  const remedy = "see that Forewarn's API runs there, and check PUBLIC_URL: links in notices lead to it";
  try {
    const answer = await fetch(`${url}/healthz`, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
    const body = await answer.text();
    return answer.status === 200 && body.includes('"ok"')
      ? good("public address", `${url} answers`)
      : broken("public address", `${url} answers ${answer.status}, and is not Forewarn`, remedy);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return broken("public address", `${url} cannot be reached: ${wordsOf(cause)}`, remedy);
  }
};

/** What can be seen from this host of the settings that it was told. */
export const hostFindings = (told: Told): Promise<Finding[]> =>
  Promise.all([
    smtp(told),
    Promise.resolve(contact(told)),
    dataFolder(told),
    policy(told),
    Promise.resolve(templates(told)),
    publicUrl(told),
  ]);
