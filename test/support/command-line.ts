import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { atEnd } from "./at-end.ts";
import { bareEnvironment } from "./bare-environment.ts";
import { temporaryFolder } from "./servers.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;
/** The API key in the environment of each command. */
export const KEY = "fw_0123456789ab_secret";

/** How a command ended and what it said. */
export type Run = { code: number | null; out: string; err: string };

/** Runs the real command line; its environment holds nothing but what is given. */
export const runCommand = async (args: readonly string[], env: Record<string, string>, input = ""): Promise<Run> => {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...bareEnvironment(), ...env } });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
};

type Call = { method: string; path: string; query: URLSearchParams; headers: IncomingMessage["headers"]; body: string };
type Script = { status?: number; headers?: Record<string, string>; body: unknown };

/** The command line, and an API that answers it by script. */
export type CommandLine = {
  /** What the API was asked. */
  calls: Call[];
  /** What it answers, by method and path, with the cursor behind: `GET /v1/changesc2`; 404 to all else. */
  answers: Record<string, Script>;
  /** Forgets calls and answers. */
  forget(): void;
  url: string;
  /** The data folder. */
  folder: string;
  forewarn(args: readonly string[], given?: { env?: Record<string, string>; input?: string }): Promise<Run>;
};

export const startCommandLine = async (): Promise<CommandLine> => {
  const folder = await temporaryFolder();
  const calls: Call[] = [];
  const answers: Record<string, Script> = {};
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const method = request.method ?? "";
    calls.push({ method, path: pathname, query: searchParams, headers: request.headers, body: await text(request) });
    const script = answers[`${method} ${pathname}${searchParams.get("cursor") ?? ""}`];
    const { status, headers, body } = script ?? { status: 404, body: { title: "not scripted", detail: pathname } };
    response.writeHead(status ?? 200, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    calls,
    answers,
    forget: () => {
      calls.length = 0;
      for (const name of Object.keys(answers)) delete answers[name];
    },
    url,
    folder,
    forewarn: (args, { env = {}, input = "" } = {}) =>
      runCommand(args, { FOREWARN_DATA: folder, FOREWARN_URL: url, FOREWARN_KEY: KEY, ...env }, input),
  };
};
