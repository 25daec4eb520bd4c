import { EXIT_CONFIG } from "../config.ts";
import type { Fault } from "../domain/fault.ts";

/** What a command's end says to a shell. */
export const EXIT = { done: 0, failed: 1, usage: 2, config: EXIT_CONFIG } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command's end that is not success: one line of what went wrong (and the remedy), then a line per fault. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly faults: readonly Fault[];
  constructor(exitCode: ExitCode, sentence: string, faults: readonly Fault[] = []) {
    super(sentence);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
    this.faults = faults;
  }
}

/** `path: message`, or the message alone where a fault concerns the whole. */
export const faultLine = ({ path, message }: Fault): string => (path === "" ? message : `${path}: ${message}`);

/**
 * What was refused, after `lead`, then a line per fault. A problem's detail may name the faults too, for who reads nothing else;
 * here each is said once.
 *
 * @example refusalLines("forewarn: ", "the event is refused: title is missing", [{ path: "title", message: "is missing" }])
 * // ["forewarn: the event is refused", "  title: is missing"]
 */
export const refusalLines = (lead: string, detail: string, faults: readonly Fault[]): string[] => {
  const named = `: ${faults.map(({ path, message }) => `${path} ${message}`).join("; ")}`;
  const sentence = detail.endsWith(named) ? detail.slice(0, -named.length) : detail;
  const unsaid = faults.filter(({ message }) => message !== detail);
  return [lead + sentence, ...unsaid.map((fault) => `  ${faultLine(fault)}`)];
};
