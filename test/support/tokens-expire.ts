import { addCalendar, dayOf } from "../../src/domain/calendar.ts";

/** A major change `CHG-1` of the service `payments`, released in so many days, for `Pipeline.announce`. */
export const tokensExpire = (inDays = 60) => ({
  change: "CHG-1",
  category: "major",
  service: "payments",
  title: "Tokens expire",
  releaseAt: addCalendar(dayOf(new Date(), "Europe/Paris"), `P${inDays}D`),
});
