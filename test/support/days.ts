import { addCalendar, dayOf } from "../../src/domain/calendar.ts";

/** A day so far from now, as events name it: of the policy's own calendar, which is a day ahead of UTC's at night. */
export const inDays = (days: number): string => {
  const today = dayOf(new Date(), "Europe/Paris");
  return days < 0 ? addCalendar(today, `P${-days}D`, -1) : addCalendar(today, `P${days}D`);
};
