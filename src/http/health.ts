import { readConfig } from "../config.ts";

// A container's health check of the API: exit code 0 while it can do its work (`readyz`: 503 only without PostgreSQL).
const { port } = readConfig();
const ready = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4_000) }).then(
  ({ ok }) => ok,
  () => false,
);
process.exitCode = ready ? 0 : 1;
