import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const PACKAGE = resolve(import.meta.dirname, "../package.json");
/** `NAME=value exec node --option file.ts`; what stands before `exec` and the options may be absent. */
const START = /^((?:\w+=\S+ )*)exec node((?: --\S+)*) (\S+)$/;

const words = (text = ""): string[] => text.split(" ").filter(Boolean);

/** The variables and Node's options by which package.json's scripts start `file`: what is measured is what people run. */
export const wayOfStarting = (file: string): { env: Record<string, string>; options: string[] } => {
  const { scripts } = JSON.parse(readFileSync(PACKAGE, "utf8")) as { scripts: Record<string, string> };
  for (const script of Object.values(scripts)) {
    const [, env, options, started] = START.exec(script) ?? [];
    if (started !== file) continue;
    return {
      env: Object.fromEntries(words(env).map((pair) => pair.split("=", 2) as [string, string])),
      options: words(options),
    };
  }
  throw new Error(`no script of package.json starts ${file}`);
};
