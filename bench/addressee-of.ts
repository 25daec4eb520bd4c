import { deliveryId } from "../src/domain/delivery.ts";
import type { Addressee, NoticeContent } from "../src/senders/sender.ts";
import type { Recipient } from "./populate.ts";

/** A recipient as the senders see it; `name` as `populate` gave it. */
export const addresseeOf = (
  { notice }: Pick<NoticeContent, "notice">,
  { no, partner, address }: Recipient,
): Addressee => ({
  delivery: deliveryId(notice.id, no),
  partner,
  name: `Partner ${partner}`,
  locale: "en",
  timeZone: "UTC",
  pageEpoch: 0,
  address,
  secrets: [],
  threadRoot: null,
});
