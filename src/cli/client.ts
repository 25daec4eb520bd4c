import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { ClientConfig } from "../config.ts";
import type { Fault } from "../domain/fault.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { readAdminKey, readLocalServer } from "../processes/local-server.ts";

export type Query = Record<string, string | number | undefined>;
export type Sent = { contentType: string; body: string | Readable };
export type Page<T> = { items: T[]; next: string | null };
type Headers = Readonly<Record<string, string | string[] | undefined>>;
export type Reply<T> = { body: T; headers: Headers };

/** The HTTP API as commands see it: an answer, or a CommandFailure that says what to do. */
export type Client = {
  url: string;
  get<T>(path: string, query?: Query): Promise<T>;
  /** An answer that is not JSON, as it is. */
  text(path: string): Promise<string>;
  send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, sent?: Sent, query?: Query): Promise<Reply<T>>;
  /** Sends a body of any size and gives the answer's lines one by one, so that memory stays flat. */
  stream(path: string, sent: Sent): Promise<{ lines: AsyncIterable<string>; headers: Headers }>;
  /** Pages through a list until `limit` entries are there; `next` is the cursor of what follows. */
  list<T>(path: string, query: Query, limit: number): Promise<Page<T>>;
};

const PAGE = 200;
const PATIENCE_MS = 60_000;
const IMPORT_PATIENCE_MS = 30 * 60_000;

/** Why no answer came → what to do about it. */
const UNREACHABLE: Record<string, (url: string) => string> = {
  ECONNREFUSED: (url) => `nothing listens at ${url}: start it with \`npm start\`, or set FOREWARN_URL to where it runs`,
  ENOTFOUND: (url) => `the host of ${url} is not known: check FOREWARN_URL`,
  EAI_AGAIN: (url) => `the host of ${url} cannot be looked up at the moment: check FOREWARN_URL and the network`,
  UND_ERR_CONNECT_TIMEOUT: (url) => `${url} does not answer: check FOREWARN_URL and the network`,
  UND_ERR_SOCKET: (url) => `${url} ended the connection before it had answered: see its log`,
  UND_ERR_HEADERS_TIMEOUT: (url) => `${url} took the request but gave no answer in time: see its log`,
};

/** Which problems have a remedy that the server cannot know. */
const REMEDIES: Partial<Record<number, string>> = {
  401: "set FOREWARN_KEY to a key that `forewarn keys create` showed",
  403: "use a key with that scope: `forewarn keys create --scope …`",
};

type ProblemBody = { title?: string; detail?: string; errors?: Fault[] };

/** The failure behind an answer that is not 2xx. */
const failureOf = (status: number, text: string): CommandFailure => {
  let problem: ProblemBody = {};
  try {
    problem = JSON.parse(text) as ProblemBody;
  } catch {
    problem = { detail: text.slice(0, 200) };
  }
  const remedy = REMEDIES[status];
  const sentence = problem.detail || problem.title || `the server answered ${status}`;
  return new CommandFailure(EXIT.failed, remedy ? `${sentence}; ${remedy}` : sentence, problem.errors ?? []);
};

const unreachable = (error: unknown, url: string): CommandFailure => {
  const code = (error as { code?: string }).code ?? "";
  const sentence = UNREACHABLE[code]?.(url) ?? `${url} cannot be reached: ${(error as Error).message || code}`;
  return new CommandFailure(EXIT.failed, sentence);
};

/** FOREWARN_URL with FOREWARN_KEY; else the server of the local data folder, with the key that its first start left. */
export const findServer = (config: ClientConfig): { url: string; key: string | null } => {
  if (config.url) return { url: config.url, key: config.key ?? null };
  const local = readLocalServer(config.dataFolder);
  if (!local)
    throw new CommandFailure(
      EXIT.failed,
      `no server runs from ${config.dataFolder}: start it with \`npm start\`, or set FOREWARN_URL to where it runs`,
    );
  return { url: local.url, key: config.key ?? readAdminKey(config.dataFolder) };
};

export const makeClient = ({ url, key }: { url: string; key: string | null }): Client => {
  const call = async (
    method: Dispatcher.HttpMethod,
    path: string,
    { sent, query = {}, patienceMs = PATIENCE_MS }: { sent?: Sent | undefined; query?: Query; patienceMs?: number },
  ): Promise<Dispatcher.ResponseData> => {
    const target = new URL(`${url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value));
    const headers = {
      accept: "application/json, application/problem+json, application/x-ndjson",
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(sent ? { "content-type": sent.contentType } : {}),
    };
    // Loaded here, so that help and usage faults come at once.
    const { request } = await import("undici");
    let reply: Dispatcher.ResponseData;
    try {
      reply = await request(target, {
        method,
        headers,
        body: sent?.body ?? null,
        headersTimeout: patienceMs,
        bodyTimeout: patienceMs,
      });
    } catch (error) {
      throw unreachable(error, url);
    }
    if (reply.statusCode >= 300) throw failureOf(reply.statusCode, await reply.body.text());
    return reply;
  };

  const bodyOf = async <T>(reply: Dispatcher.ResponseData): Promise<T> => {
    const text = await reply.body.text();
    if (text === "") return null as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new CommandFailure(EXIT.failed, `${url} answered something other than JSON: is it Forewarn's API?`);
    }
  };
  const get = async <T>(path: string, query: Query = {}): Promise<T> => bodyOf<T>(await call("GET", path, { query }));

  return {
    url,
    get,
    text: async (path) => (await call("GET", path, {})).body.text(),
    send: async <T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, sent?: Sent, query: Query = {}) => {
      const reply = await call(method, path, { sent, query });
      return { body: await bodyOf<T>(reply), headers: reply.headers };
    },
    stream: async (path, sent) => {
      const reply = await call("POST", path, { sent, patienceMs: IMPORT_PATIENCE_MS });
      return { lines: linesOf(reply.body, url), headers: reply.headers };
    },
    list: async <T>(path: string, query: Query, limit: number): Promise<Page<T>> => {
      const items: T[] = [];
      let next: string | null = null;
      do {
        const page: Page<T> = await get<Page<T>>(path, {
          ...query,
          limit: Math.min(PAGE, limit - items.length),
          cursor: next ?? undefined,
        });
        items.push(...page.items);
        next = page.next;
      } while (next !== null && items.length < limit);
      return { items, next };
    },
  };
};

async function* linesOf(body: AsyncIterable<Buffer>, url: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const part of body) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter((line) => line !== "");
    }
  } catch (error) {
    throw unreachable(error, url);
  }
  if (rest.trim() !== "") yield rest;
}

export const json = (value: unknown): Sent => ({ contentType: "application/json", body: JSON.stringify(value) });
