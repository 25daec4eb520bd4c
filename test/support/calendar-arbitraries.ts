import fc from "fast-check";

/** Zones at both ends of the earth, with clock changes of an hour and of half an hour, at midnight, and with none. */
export const ZONES = [
  "UTC",
  "Europe/Paris",
  "America/Los_Angeles",
  "America/Sao_Paulo",
  "America/Havana",
  "Africa/Cairo",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
  "Pacific/Pago_Pago",
] as const;

export const zone = fc.constantFrom(...ZONES);

/** Instants of a century in which clocks change as they do today, and the years behind it in which they did otherwise. */
export const instant = fc.date({
  min: new Date("2012-01-01T00:00:00Z"),
  max: new Date("2060-12-31T00:00:00Z"),
  noInvalidDate: true,
});

export const day = instant.map((date) => date.toISOString().slice(0, 10));

/** Whole months and days, as policies have them. */
export const calendarDuration = fc
  .record({ months: fc.nat(24), days: fc.nat(60) })
  .filter(({ months, days }) => months + days > 0)
  .map(({ months, days }) => `P${months > 0 ? `${months}M` : ""}${days > 0 ? `${days}D` : ""}`);

export const clock = fc
  .record({ hour: fc.nat(23), minute: fc.nat(59) })
  .map(({ hour, minute }) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
