import { existsSync } from "node:fs";
import { z } from "zod";
import { isCidr } from "./domain/address.ts";
import { checkSecret } from "./senders/signature.ts";

const isRange = (text: string): boolean => /^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text) && isCidr(text);

const allowList = z
  .string()
  .refine((text) => text.split(",").every(isRange), {
    error: ({ input }) =>
      `holds "${String(input)
        .split(",")
        .find((text) => !isRange(text))}", which is no CIDR; example: 127.0.0.0/8,10.1.0.0/16`,
  })
  .transform((text) => text.split(","));

const urlOf = (schemes: string[], example: string) =>
  z
    .string()
    .refine(
      (text) => schemes.some((scheme) => text.startsWith(`${scheme}:`)) && URL.canParse(text),
      `is not a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}; example: ${example}`,
    );

const bare = (example: string) => z.string().min(1, `is empty; example: ${example}`);

const portLike = (example: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, `is not a port number; example: ${example}`)
    .transform(Number)
    .refine((port) => port <= 65_535, `is above 65535; example: ${example}`);

/** What each variable of the environment must be; each fault says what is wrong and gives an example. */
export const variables = z.object({
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
  FOREWARN_CONTACT_WEBHOOK: urlOf(["https", "http"], "https://hooks.example.com/forewarn").optional(),
  FOREWARN_CONTACT_WEBHOOK_SECRET: z
    .string()
    .refine(
      (text) => checkSecret(text).ok,
      'is not whsec_ and the base64 of 24 to 64 bytes; example: the output of echo "whsec_$(openssl rand -base64 32)"',
    )
    .optional(),
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

/** The same for what a client of the API needs. */
export const clientVariables = variables.pick({ FOREWARN_DATA: true }).extend({
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
