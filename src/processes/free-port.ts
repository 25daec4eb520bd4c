import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { addressOf, type Config } from "../config.ts";

/** A port of `host` that nobody listens on right now. */
export const freePort = async (host: string): Promise<number> => {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

/**
 * With `PORT=0`, the configuration with a port that is free now, so that every link names where the API will listen;
 * a PUBLIC_URL that was given stays.
 */
export const settlePort = async (config: Config): Promise<Config> => {
  if (config.port !== 0) return config;
  const port = await freePort(config.host);
  const given = config.publicUrl !== addressOf(config.host, 0);
  return { ...config, port, publicUrl: given ? config.publicUrl : addressOf(config.host, port) };
};
