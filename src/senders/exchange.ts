import type { Dispatcher } from "undici";
import type { Exchange, GuardedAgent } from "./guarded-agent.ts";
import { type Dial, DialError, type DialStage } from "./guarded-connector.ts";
import { AddressNotAllowed } from "./vetting.ts";
import { readableAnswer, sayFault } from "./fault-words.ts";

/** Where an exchange can end; `waiting` is for a connection to an origin that has as many as it may. */
export type Stage = "waiting" | DialStage | "headers" | "body";

export type Answer =
  /** The status line and the headers came; `cut` says why the body did not end, null when it did or was long enough. */
  | { kind: "answered"; code: number; retryAfter: string | null; text: string | null; cut: string | null }
  | { kind: "unanswered"; stage: Stage; why: string }
  /** Nothing was sent: the address may not be reached. */
  | { kind: "not-allowed"; why: string };

export type Post = { url: URL; headers: string[]; body: Buffer };

/** A longer body costs its connection: reading it to the end would cost more. */
const MAX_READ_BYTES = 16_384;
/** Enough for the 500 characters that are kept, whatever their size. */
const KEPT_BYTES = 2_048;

/** What each signal ends, behind one listener: hundreds of exchanges share a signal, and adding a listener walks them all. */
const ends = new WeakMap<AbortSignal, Set<() => void>>();
const endsOf = (signal: AbortSignal): Set<() => void> => {
  const known = ends.get(signal);
  if (known) return known;
  const fresh = new Set<() => void>();
  ends.set(signal, fresh);
  signal.addEventListener("abort", () => [...fresh].forEach((end) => end()), { once: true });
  return fresh;
};

/**
 * One POST under one deadline, from the lookup to the end of the body; `signal` ends it likewise. It never rejects for
 * what the other side does. Once the status has come the answer stands, whatever becomes of the body.
 */
export const makeExchange =
  ({ agent, timeoutMs }: { agent: GuardedAgent; timeoutMs: number }) =>
  ({ url, headers, body }: Post, signal: AbortSignal): Promise<Answer> =>
    new Promise((resolve, reject) => {
      let controller: Dispatcher.DispatchController | null = null;
      let dial: Dial | null = null;
      let code = 0;
      let retryAfter: string | null = null;
      let length = 0;
      const kept: Buffer[] = [];
      let wanted = true;

      const finish = (answer: Answer): void => {
        if (!wanted) return;
        wanted = false;
        clearTimeout(timer);
        endsOf(signal).delete(onAbort);
        resolve(answer);
      };
      const finishAnswered = (cut: string | null): void =>
        finish({ kind: "answered", code, retryAfter, text: readableAnswer(Buffer.concat(kept)), cut });
      const stage = (): Stage => (code > 0 ? "body" : controller ? "headers" : (dial?.stage ?? "waiting"));
      const fail = (why: string): void => {
        if (code > 0) finishAnswered(why);
        else finish({ kind: "unanswered", stage: stage(), why });
      };
      /** Settles first, so that what undici says of the cut changes nothing. */
      const stop = (why: string): void => {
        fail(why);
        const reason = new Error(why);
        if (controller) controller.abort(reason);
        else dial?.abandon(reason);
      };

      const exchange: Exchange = {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        headers,
        body,
        get wanted() {
          return wanted;
        },
        onDial: (begun) => {
          dial = begun;
        },
        onRequestStart: (begun) => {
          controller = begun;
          if (!wanted) begun.abort(new Error("no longer wanted"));
        },
        onResponseStart: (_, status, answered) => {
          // RFC 9110, section 15.2: interim answers may come before the one that counts.
          if (status < 200) return;
          code = status;
          const after = answered["retry-after"];
          retryAfter = (Array.isArray(after) ? after[0] : after) ?? null;
        },
        onResponseData: (begun, chunk) => {
          if (length < KEPT_BYTES) kept.push(chunk.subarray(0, KEPT_BYTES - length));
          length += chunk.length;
          if (length <= MAX_READ_BYTES) return;
          finishAnswered(null);
          begun.abort(new Error("the rest of the body is not wanted"));
        },
        onResponseEnd: () => finishAnswered(null),
        onResponseError: (_, error) => {
          if (!wanted) return;
          if ("code" in error && error.code === "UND_ERR_INVALID_ARG") return reject(error);
          if (error instanceof AddressNotAllowed) return finish({ kind: "not-allowed", why: error.message });
          if (error instanceof DialError)
            return finish({ kind: "unanswered", stage: error.stage, why: sayFault(error.cause) });
          fail(sayFault(error));
        },
      };

      const timer = setTimeout(() => stop(`not done within ${timeoutMs} ms`), timeoutMs);
      const onAbort = (): void => stop("stopped by this side");
      if (signal.aborted) return onAbort();
      endsOf(signal).add(onAbort);
      agent.post(exchange);
    });
