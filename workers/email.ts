import { runProcess } from "../src/processes/run.ts";
import { startSender } from "../src/processes/sender.ts";

await runProcess("email", (parts) => startSender("email", parts));
