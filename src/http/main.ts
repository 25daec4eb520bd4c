import { startApi } from "../processes/api.ts";
import { runProcess } from "../processes/run.ts";

await runProcess("api", startApi);
