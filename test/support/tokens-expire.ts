import { inDays } from "./days.ts";

/** A major change `CHG-1` of the service `payments`, released in so many days, for `Pipeline.announce`. */
export const tokensExpire = (days = 60) => ({
  change: "CHG-1",
  category: "major",
  service: "payments",
  title: "Tokens expire",
  releaseAt: inDays(days),
});
