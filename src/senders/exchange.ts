import type { Dispatcher } from "undici";
import { readableAnswer, sayFault } from "./fault-words.ts";
import type { Connection } from "./guarded-agent.ts";
import { type Dial, DialError, type DialStage } from "./guarded-connector.ts";
import type { Target } from "./target.ts";
import { AddressNotAllowed } from "./vetting.ts";

/** Where an exchange can end; `waiting` is for a connection to an origin that has as many as it may. */
export type Stage = "waiting" | DialStage | "headers" | "body";

export type Answer =
  /** The status line and the headers came; `cut` says why the body did not end, null when it did or was long enough. */
  | { kind: "answered"; code: number; retryAfter: string | null; text: string | null; cut: string | null }
  | { kind: "unanswered"; stage: Stage; why: string }
  /** Nothing was sent: the address may not be reached. */
  | { kind: "not-allowed"; why: string };

export type Request = { target: Target; headers: string[]; body: Buffer };

/** A longer body costs its connection: reading it to the end would cost more. */
const MAX_READ_BYTES = 16_384;
/** Enough for the 500 characters that are kept, whatever their size. */
const KEPT_BYTES = 2_048;

/**
 * One POST, from its place in an origin's queue to the end of the answer's body; undici calls it as the request's handler.
 * Once the status has come the answer stands, whatever becomes of the body.
 *
 * A class, where the rest of the project has closures: a delivery took fifteen of them, and most of what they hold on to
 * outlived it by a collection or two (docs/performance.md).
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly target: Target;
  readonly headers: string[];
  readonly body: Buffer;
  /** False once it has ended: given up while it waits for a connection, it is never begun. */
  wanted = true;
  /** The connection that it has; the agent's. */
  connection: Connection | null = null;
  /** Called once: with an error for what only a bug of ours brings about. */
  private readonly answered: (answer: Answer | Error) => void;
  private controller: Dispatcher.DispatchController | null = null;
  private dial: Dial | null = null;
  private code = 0;
  private retryAfter: string | null = null;
  private length = 0;
  private kept: Buffer | null = null;

  constructor({ target, headers, body }: Request, answered: (answer: Answer | Error) => void) {
    this.target = target;
    this.headers = headers;
    this.body = body;
    this.answered = answered;
  }

  /** Ends it from this side. It settles first, so that what undici says of the cut changes nothing. */
  end(why: string): void {
    this.fail(why);
    const reason = new Error(why);
    if (this.controller) this.controller.abort(reason);
    else this.dial?.abandon(reason);
  }

  /** The connection that is being made for it. */
  onDial(dial: Dial): void {
    this.dial = dial;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (!this.wanted) controller.abort(new Error("no longer wanted"));
  }

  onResponseStart(_: unknown, status: number, answered: Record<string, string | string[] | undefined>): void {
    // RFC 9110, section 15.2: interim answers may come before the one that counts.
    if (status < 200) return;
    this.code = status;
    const after = answered["retry-after"];
    this.retryAfter = (Array.isArray(after) ? after[0] : after) ?? null;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.length < KEPT_BYTES) {
      const fits = chunk.subarray(0, KEPT_BYTES - this.length);
      this.kept = this.kept === null ? fits : Buffer.concat([this.kept, fits]);
    }
    this.length += chunk.length;
    if (this.length <= MAX_READ_BYTES) return;
    this.finishAnswered(null);
    controller.abort(new Error("the rest of the body is not wanted"));
  }

  onResponseEnd(): void {
    this.finishAnswered(null);
    this.leave()?.release();
  }

  onResponseError(_: unknown, error: Error): void {
    if ("code" in error && error.code === "UND_ERR_INVALID_ARG") this.finish(error);
    else if (error instanceof AddressNotAllowed) this.finish({ kind: "not-allowed", why: error.message });
    else if (error instanceof DialError)
      this.finish({ kind: "unanswered", stage: error.stage, why: sayFault(error.cause) });
    else this.fail(sayFault(error));
    this.leave()?.lose();
  }

  /**
   * Points to nothing of undici's any more, nor to its connection. One that was moved to the old generation while it was
   * under way stays there until all garbage is collected, and would keep those alive that came after it.
   */
  private leave(): Connection | null {
    const { connection } = this;
    this.connection = null;
    this.controller = null;
    return connection;
  }

  private fail(why: string): void {
    if (this.code > 0) return this.finishAnswered(why);
    const stage = this.controller ? "headers" : (this.dial?.stage ?? "waiting");
    this.finish({ kind: "unanswered", stage, why });
  }

  private finishAnswered(cut: string | null): void {
    if (!this.wanted) return;
    const { code, retryAfter, kept } = this;
    this.finish({ kind: "answered", code, retryAfter, text: kept && readableAnswer(kept), cut });
  }

  private finish(answer: Answer | Error): void {
    if (!this.wanted) return;
    this.wanted = false;
    this.kept = null;
    this.answered(answer);
  }
}
