import { EmbeddedError } from "../../src/embedded/embedded-error.ts";
import { startPostgres } from "../../src/embedded/postgres.ts";
import { startRedis } from "../../src/embedded/redis.ts";
import { makeLog } from "../../src/log.ts";

// A program that starts both servers on the folder it is given, says so in one line of JSON, and stays until it is
// killed. It ignores Ctrl-C, to show that the servers never hear of it.
const folder = process.argv[2] ?? "";
const log = makeLog("silent");
process.on("SIGINT", () => undefined);
try {
  const postgres = await startPostgres({ folder, log });
  const redis = await startRedis({ folder, log });
  console.log(JSON.stringify({ databaseUrl: postgres.url, redisUrl: redis.url }));
  setInterval(() => undefined, 60_000);
} catch (error) {
  if (!(error instanceof EmbeddedError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
