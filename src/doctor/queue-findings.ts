import { wordsOf } from "../errors.ts";
import { openRedis } from "../queue/connection.ts";
import { readSettings, settingFaults } from "../queue/settings.ts";
import { broken, doubtful, type Finding, good } from "./finding.ts";

const OLDEST = 7;

const versionFinding = (info: string): Finding => {
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  const redis = /^redis_version:(\S+)/m.exec(info)?.[1] ?? "";
  const name = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`;
  return Number.parseInt(redis, 10) >= OLDEST
    ? good("redis", `${name} answers`)
    : broken("redis", `${name} is too old`, `use Redis ${OLDEST} or later, or Valkey`);
};

/** Redis and its settings; where it cannot be reached there is one finding. */
export const queueFindings = async (url: string): Promise<Finding[]> => {
  const redis = openRedis(url, "producer");
  let fault: unknown = new Error("it did not answer in time");
  redis.on("error", (error) => {
    fault = error;
  });
  try {
    const ready = new Promise<boolean>((resolve) => {
      redis.once("ready", () => resolve(true));
      redis.once("close", () => resolve(false));
      setTimeout(() => resolve(false), 3_000).unref();
    });
    if (!(await ready))
      return [broken("redis", `cannot be reached: ${wordsOf(fault)}`, "see that it runs, and check REDIS_URL")];
    const settings = await readSettings(redis);
    const faults = settingFaults(settings);
    const unknown = Object.values(settings).includes(null) && settings.appendOnly !== true;
    return [
      versionFinding(await redis.info("server")),
      ...faults.map(({ path, message }) => {
        const [says = message, remedy = ""] = message.split("; run: ");
        return broken(`redis ${path}`, says, `run: ${remedy}`);
      }),
      ...(faults.length > 0
        ? []
        : unknown
          ? [
              doubtful(
                "redis settings",
                "Redis does not say",
                "see that it evicts nothing and keeps its keys over a restart",
              ),
            ]
          : [good("redis settings", "nothing is evicted, and jobs outlive a restart")]),
    ];
  } catch (error) {
    return [broken("redis", `fails: ${wordsOf(error)}`, "see its log, and check REDIS_URL")];
  } finally {
    redis.disconnect();
  }
};
