#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Half of a short command's time was compiling. Where the folder cannot be written it goes on without.
enableCompileCache(join(import.meta.dirname, "../../node_modules/.cache/forewarn"));
const { runCommandLine } = await import("./run.ts");
await runCommandLine();
