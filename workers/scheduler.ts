import { watchBacklog } from "../src/http/metrics.ts";
import { startScheduler } from "../src/processes/scheduler.ts";
import { runWorker } from "../src/processes/worker.ts";

await runWorker("scheduler", startScheduler, ({ registry, ledger }) => watchBacklog(registry, ledger));
