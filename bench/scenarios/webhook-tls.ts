import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "../certificates.ts";
import { type Scenario, summary } from "../result.ts";
import { webhookTrials } from "../webhook-trials.ts";

const SIZES = {
  full: { origins: 1_000, endpoints: 4_000, rounds: 5 },
  quick: { origins: 50, endpoints: 200, rounds: 1 },
};

/** One notice to endpoints on many hosts, each over a connection of its own with a whole TLS handshake. */
export const webhookTls: Scenario = {
  name: "tls",
  run: async (size) => {
    const { origins, endpoints, rounds: count } = SIZES[size];
    const addresses = Array.from({ length: origins }, (_, no) => `127.0.${(no >> 8) + 1}.${no & 255}`);
    const certificates = makeCertificates(addresses);
    const folder = await mkdtemp(join(tmpdir(), "forewarn-bench-tls-"));
    const caFile = join(folder, "ca.pem");
    await writeFile(caFile, certificates.ca);
    try {
      const { rounds } = await webhookTrials({
        endpoints,
        addresses,
        tls: { ...certificates, caFile },
        senders: 1,
        rounds: count,
        warmUp: size === "full" ? 1 : 0,
        deadlineMs: 120_000,
      });
      return [
        {
          scenario: `webhooks to ${endpoints} endpoints on ${origins} origins, fresh connections, TLS`,
          goal: "≥ 0.95",
          yardstick: "bare loop over Agent.dispatch, fresh TLS",
          ...summary(rounds),
        },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
