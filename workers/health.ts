import { readConfig } from "../src/config.ts";
import { isBeating } from "../src/processes/heartbeat.ts";

// A container's health check of a worker: exit code 0 while its heartbeat file is fresh.
const { heartbeatFile } = readConfig();
process.exitCode = heartbeatFile !== undefined && (await isBeating(heartbeatFile, new Date())) ? 0 : 1;
