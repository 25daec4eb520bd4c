import type { Channel } from "../domain/category.ts";
import type { Outcome } from "../domain/delivery.ts";
import type { ProviderAlert } from "../domain/provider-alert.ts";

/** An alert and when the fact was recorded. */
export type RecordedAlert = ProviderAlert & { createdAt: Date };

/** One channel's way to the provider's own contact. */
export type ProviderSender = {
  channel: Channel;
  /** One attempt, with the same id as every other one; never throws for what the other side does. */
  send(alert: RecordedAlert, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
};
