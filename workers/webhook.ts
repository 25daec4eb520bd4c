import { runProcess } from "../src/processes/run.ts";
import { startSender } from "../src/processes/sender.ts";

await runProcess("webhook", (parts) => startSender("webhook", parts));
