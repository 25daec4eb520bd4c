import { Problem } from "../errors.ts";
import { JSON_DEPTH } from "./limits.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

const malformed = (detail: string): Problem => new Problem("malformed", detail);

/** Refuses what could poison a prototype and what is nested too deep; walks without recursion, so depth cannot exhaust the stack. */
const inspect = (root: unknown): void => {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }];
  for (let entry = open.pop(); entry; entry = open.pop()) {
    const { value, depth } = entry;
    if (value === null || typeof value !== "object") continue;
    if (depth > JSON_DEPTH) throw malformed(`the JSON is nested deeper than ${JSON_DEPTH} levels; flatten it`);
    for (const [key, child] of Object.entries(value)) {
      if (key === "__proto__" || (key === "constructor" && child !== null && typeof child === "object"))
        throw malformed(`the JSON has the key "${key}", which is refused here; rename it`);
      open.push({ value: child, depth: depth + 1 });
    }
  }
};

/**
 * The value of a JSON text in UTF-8: bounded in depth, free of keys that poison prototypes.
 *
 * Throws Problem `malformed` that says what is wrong.
 */
export const parseJson = (body: Uint8Array | string): unknown => {
  let text: string;
  try {
    text = typeof body === "string" ? body : utf8.decode(body);
  } catch {
    throw malformed("the body is not UTF-8; encode it as UTF-8");
  }
  if (text.trim() === "") throw malformed("the body is empty; send JSON");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`the body is not JSON: ${(error as Error).message}`);
  }
  inspect(value);
  return value;
};
