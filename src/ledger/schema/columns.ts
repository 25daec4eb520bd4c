import { bigint, customType, timestamp } from "drizzle-orm/pg-core";

/** An instant, to the millisecond; dates without a time are `date` columns. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
export const bytes = customType<{ data: Buffer }>({ dataType: () => "bytea" });
/** int8 as a number: ids stay far under 2^53. */
export const number = (name: string) => bigint(name, { mode: "number" });
