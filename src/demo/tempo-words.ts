import { TZDate } from "@date-fns/tz";
import type { Tempo } from "./story.ts";

const DAYS_A_MONTH = 30;
const UNITS: Record<string, string> = { M: "month", D: "day" };

const counted = (count: number, unit: string): string => `−${count} ${unit}${count === 1 ? "" : "s"}`;

/** `−14 days` of the policy's offset, also where the tempo has turned it into seconds. */
export const offsetWords = (offset: string, tempo: Tempo): string => {
  const seconds = /^-PT([\d.]+)S$/.exec(offset)?.[1];
  const minutes = /^-PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(offset);
  if (tempo.kind === "compressed" && minutes) {
    const ms = seconds
      ? Number(seconds) * 1000
      : (Number(minutes[1] ?? 0) * 3600 + Number(minutes[2] ?? 0) * 60 + Number(minutes[3] ?? 0)) * 1000;
    const days = Math.round((ms / tempo.monthMs) * DAYS_A_MONTH);
    return days % DAYS_A_MONTH === 0 ? counted(days / DAYS_A_MONTH, "month") : counted(days, "day");
  }
  const calendar = /^-P(\d+)([MD])$/.exec(offset);
  return calendar ? counted(Number(calendar[1]), UNITS[calendar[2] ?? ""] ?? "") : offset.replace(/^-/, "−");
};

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10 May 27` in calendar tempo (the year only where it is not this one); `+52.7 s` from `origin` in compressed tempo. */
export const whenWords = (time: string, { tempo, origin }: { tempo: Tempo; origin: Date }): string => {
  const at = new Date(time.length === 10 ? `${time}T12:00:00Z` : time);
  if (tempo.kind === "compressed") return `+${Math.max(0, (at.getTime() - origin.getTime()) / 1000).toFixed(1)} s`;
  const day = new TZDate(at, tempo.timeZone);
  const year = day.getFullYear() === origin.getUTCFullYear() ? "" : ` ${String(day.getFullYear()).slice(2)}`;
  return `${day.getDate()} ${MONTHS[day.getMonth()] ?? ""}${year}`;
};
