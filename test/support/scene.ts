import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deliveryId } from "../../src/domain/delivery.ts";
import { webhookId } from "../../src/senders/signature.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import type { Pipeline } from "./pipeline.ts";
import { temporaryFolder } from "./servers.ts";
import { until } from "./until.ts";

/** The attempts' timeout in fault tests, which sets how long a killed sender's lease lasts: 20 s + this + 10 s. */
const TIMEOUT = "PT6S";
/** Longer than a lease, with time to send. */
export const RECOVERY_MS = 120_000;

/** A cluster under a policy with short timeouts, with one service `reports` and `count` partners on one channel. */
export const startScene = async (
  count: number,
  channel: "webhook" | "email",
  { policy = {}, ...options }: { policy?: Record<string, unknown>; databaseUrl?: string } = {},
): Promise<Cluster> => {
  const policyFile = join(await temporaryFolder(), "policy.json");
  await writeFile(policyFile, JSON.stringify({ timeouts: { webhook: TIMEOUT, email: TIMEOUT }, ...policy }));
  const cluster = await startCluster({ policyFile, ...options });
  await cluster.addService("reports");
  await cluster.addPartners(count, channel);
  return cluster;
};

/** The ids of all deliveries in the ledger, as they travel. */
export const expectedIds = async ({ sql }: Pipeline): Promise<string[]> => {
  const { rows } = await sql.query<{ id: string; endpoint: number }>(
    "SELECT n.id, d.endpoint FROM deliveries d JOIN notices n ON n.no = d.notice",
  );
  return rows.map((row) => webhookId(deliveryId(row.id, row.endpoint)));
};

/** The ids that arrived at the receiver and in the mailbox, in order, repetitions included. */
export const arrivedIds = ({ receiver, mailbox }: Pipeline): string[] => [
  ...receiver.received.map((post) => String(post.headers["webhook-id"])),
  ...mailbox.mails.map((mail) => (mail.parsed.messageId ?? "").replace(/^<(.*)@.*$/, "$1")),
];

/** Resolves when so many deliveries are sent. */
export const allSent = (pipeline: Pipeline, count: number, deadlineMs = RECOVERY_MS): Promise<unknown> =>
  until(async () => (await pipeline.counts())["sent"] === count, { deadlineMs, what: `${count} deliveries are sent` });

/** A release so soon that no reminder is ahead, whatever the hour: each partner's own hour of the day before has passed. */
export const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
