import { storageFault } from "../../src/domain/storable.ts";
import { Problem } from "../../src/errors.ts";
import { type EventAnswer, refusedFor } from "../../src/flow/decide-event.ts";
import { openApi } from "./api.ts";

export const STRUCTURED = "application/cloudevents+json";
export const BATCH = "application/cloudevents-batch+json";

/** A creation that is well formed; `more` replaces fields of its data. */
export const event = (id: string, more: object = {}) => ({
  specversion: "1.0",
  id,
  source: "/billing",
  type: "forewarn.change.created",
  data: { change: "CHG-1", category: "normal", service: "api", title: "T", ...more },
});

/** What the flow answers to each. */
export const answer = (change: string): EventAnswer => ({
  change,
  revision: 1,
  status: "announced",
  verdict: {
    status: "met",
    minimum: "P1M",
    noticeDays: 40,
    noticeMonths: 1,
    shortByDays: 0,
    earliestRelease: "2027-01-01",
  },
  notices: [
    {
      id: `${change}.r1.announcement`,
      kind: "announcement",
      offset: null,
      dueAt: "2026-11-22T09:00:00.000Z",
      status: "planned",
    },
  ],
});

/** An API whose flow remembers what it was given and could store: ids starting with `bad` are refused, `again` are duplicates. */
export const openEvents = async () => {
  const accepted: unknown[] = [];
  const previewed: { envelope: unknown; at: string | null }[] = [];
  const api = await openApi({
    acceptEvent: async (envelope) => {
      const unfit = storageFault(envelope);
      if (unfit) return refusedFor([unfit.fault], unfit.problem);
      accepted.push(envelope);
      const { id } = envelope as { id: string };
      if (id.startsWith("bad"))
        return {
          kind: "refused",
          problem: new Problem("invalid", "the event is refused", [{ path: "category", message: "is not a category" }]),
        };
      return { kind: "accepted", answer: answer("CHG-1"), duplicate: id.startsWith("again") };
    },
    previewEvent: async (envelope, at) => {
      previewed.push({ envelope, at });
      return {
        kind: "planned",
        answer: { ...answer("CHG-1"), recipients: { partners: 3, email: 2, webhook: 1, unreachable: 0 } },
      };
    },
  });
  return { ...api, accepted, previewed };
};
