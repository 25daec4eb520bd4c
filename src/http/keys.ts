import { createHash, randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../errors.ts";
import type { Scope } from "../ledger/keys.ts";
import { LIMITS, type Limits } from "./limits.ts";
import type { LiveKeys } from "./live-keys.ts";

/** What a route asks for: a scope, or nothing because it is public. Every route declares one. */
export type Access = Scope | "public";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
  }
}

const SECRET_BYTES = 32;

/** How much a scope allows: `admin` includes the others. */
const ALLOWS: Record<Scope, readonly Scope[]> = { emit: ["emit"], read: ["read"], admin: ["emit", "read", "admin"] };

export const hashKey = (key: string): Buffer => createHash("sha256").update(key).digest();

/** A fresh key, `fw_<id>_<secret>`: the id is public, the whole is shown once and kept as its SHA-256. */
export const mintKey = (): { id: string; whole: string; hash: Buffer } => {
  const id = randomBytes(6).toString("hex");
  const whole = `fw_${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id, whole, hash: hashKey(whole) };
};

/** Browsers send a password along by themselves from then on, also from other sites' pages: it counts for reading only. */
const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** A page that a person opens by its address: the browser asks for the key. */
const mayAsk = ({ method, headers }: FastifyRequest): boolean =>
  READING.has(method) && headers.accept?.includes("text/html") === true;

const CHALLENGES = ['Bearer realm="forewarn"', 'Basic realm="an API key as the password", charset="UTF-8"'];

/** RFC 7617: the key is the password, whatever the name. */
const password = ({ method, headers }: FastifyRequest): string | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(headers.authorization ?? "")?.[1];
  if (encoded === undefined || !READING.has(method)) return undefined;
  return Buffer.from(encoded, "base64")
    .toString("utf8")
    .replace(/^[^:]*:/, "");
};

const bearer = (request: FastifyRequest): string => {
  const key = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1] ?? password(request);
  if (key === undefined)
    throw new Problem("unauthorized", "there is no key; send the header `Authorization: Bearer fw_…`");
  return key;
};

const REMEMBERED_KEYS = 1_000;

/**
 * The hook that lets a request through when its key holds the scope that its route declares.
 *
 * Failed keys are counted per IP address; once there are too many, keys that never worked here are refused without
 * a look at the ledger, while keys that did work still pass: one guesser behind a proxy does not shut out the rest.
 */
export const makeAuthorize = (
  app: FastifyInstance,
  { liveKeys, limits }: { liveKeys: LiveKeys; limits?: Partial<Limits> | undefined },
) => {
  const bounds: Limits = { ...LIMITS, ...limits };
  const limiter = (kind: keyof Limits, keyOf: (request: FastifyRequest) => string) => {
    const options = { max: bounds[kind].max, timeWindow: bounds[kind].windowMs };
    return app.createRateLimit({ ...options, keyGenerator: (request) => `${kind} ${keyOf(request)}` });
  };
  const keyIds = new WeakMap<FastifyRequest, string>();
  const byKey = (request: FastifyRequest): string => keyIds.get(request) ?? "";
  const byAddress = (request: FastifyRequest): string => request.ip;
  const rates = {
    emit: limiter("emit", byKey),
    read: limiter("read", byKey),
    admin: limiter("admin", byKey),
    public: limiter("public", byAddress),
  };
  const failures = limiter("failedAuth", byAddress);
  const proven = new Set<string>();

  const limit = async (
    request: FastifyRequest,
    reply: FastifyReply,
    rate: (request: FastifyRequest) => ReturnType<typeof failures>,
  ): Promise<void> => {
    const count = await rate(request);
    if (count.isAllowed || !count.isExceeded) return;
    reply.header("retry-after", Math.max(1, count.ttlInSeconds));
    throw new Problem("rate-limited", `more than ${count.max} requests in ${count.timeWindow / 1000} s; slow down`);
  };

  const scopesOf = async (request: FastifyRequest, reply: FastifyReply, access: Scope): Promise<readonly Scope[]> => {
    const hash = hashKey(bearer(request));
    const fingerprint = hash.toString("base64");
    if (!proven.has(fingerprint)) await limit(request, reply, (it) => failures(it, { increment: false }));
    // Events come by the hundred; whatever else is asked for takes no key's word from before.
    const key = await (access === "emit" ? liveKeys.find(hash) : liveKeys.findNow(hash));
    if (!key) {
      proven.delete(fingerprint);
      await limit(request, reply, failures);
      throw new Problem("unauthorized", "this key is not known, or was revoked; an admin makes one at POST /v1/keys");
    }
    if (proven.size >= REMEMBERED_KEYS) proven.clear();
    proven.add(fingerprint);
    keyIds.set(request, key.key);
    return key.scopes;
  };

  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const access = request.routeOptions.config.access;
    if (request.is404) return;
    if (access === undefined) throw new Error(`${request.method} ${request.routeOptions.url} declares no access`);
    if (access === "public") return limit(request, reply, rates.public);
    const held = await scopesOf(request, reply, access).catch((fault: unknown) => {
      if (fault instanceof Problem && fault.problem === "unauthorized" && mayAsk(request))
        reply.header("www-authenticate", CHALLENGES);
      throw fault;
    });
    await limit(request, reply, rates[access]);
    if (!held.some((scope) => ALLOWS[scope].includes(access)))
      throw new Problem("forbidden", `this call needs the scope "${access}"; this key has ${held.join(", ")}`);
  };
};
