import { runProcess } from "../src/processes/run.ts";
import { startScheduler } from "../src/processes/scheduler.ts";

await runProcess("scheduler", startScheduler);
