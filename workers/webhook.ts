import { startSender } from "../src/processes/sender.ts";
import { runWorker } from "../src/processes/worker.ts";

await runWorker("webhook", (parts) => startSender("webhook", parts));
