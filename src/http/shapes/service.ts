import { z } from "zod";
import { id, line } from "./fields.ts";

const title = line(200).describe("What partners read");
const businessCritical = z.boolean("is neither true nor false; leave the quotes away");

export const newService = z.strictObject({
  service: id("service"),
  title,
  businessCritical: businessCritical.default(false),
});

/** For `PUT`: the id is in the address, and may be repeated. */
export const serviceBody = z.strictObject({
  service: id("service").optional(),
  title,
  businessCritical: businessCritical.default(false),
});

export const service = z
  .object({ service: z.string(), title: z.string(), businessCritical: z.boolean() })
  .meta({ id: "Service" });
