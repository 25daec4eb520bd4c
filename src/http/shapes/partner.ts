import { z } from "zod";
import { CHANNELS } from "../../domain/category.ts";
import { ENDPOINT_ROLES, ENDPOINT_STATUSES } from "../../ledger/endpoints.ts";
import { holidays, hours, id, instant, line, locale, secondsOf, subscriptions, zone } from "./fields.ts";

const role = z.enum(ENDPOINT_ROLES, `is not a role; use ${ENDPOINT_ROLES.join(" or ")}`);
const address = z
  .string("is missing; give a mail address or a webhook's URL")
  .min(1, "is empty; give a mail address or a webhook's URL")
  .max(2_048, "is longer than 2,048 characters");

/** How to reach a partner. What an address may be depends on its channel: see addresses.ts. */
export const newEndpoint = z.strictObject({
  channel: z.enum(CHANNELS, `is not a channel; use ${CHANNELS.join(" or ")}`),
  address,
  role: role.default("primary"),
  secret: z.string("is not text; give whsec_…, or leave it out to be given one").max(128, "is too long").optional(),
});
export type EndpointInput = z.output<typeof newEndpoint>;

export const endpointPatch = z.strictObject({
  address: address.optional(),
  role: role.optional(),
  status: z.enum(["active", "disabled"], "can be set to active or disabled only").optional(),
});

const fields = { name: line(200), locale, timeZone: zone, holidays, subscriptions };

/** INTERFACE: a partner as it comes in. */
export const newPartner = z.strictObject({
  partner: id("partner"),
  name: fields.name,
  locale: locale.default("en"),
  timeZone: zone.default("UTC"),
  holidays: holidays.default([]),
  subscriptions: subscriptions.default(["*"]),
  endpoints: z
    .array(newEndpoint, "is not a list; give a list of endpoints")
    .max(50, "has more than 50 entries")
    .default([]),
});

/** A line of an import: what is absent stays as it is, or takes the default for a new partner. */
export const importedPartner = z.strictObject({
  partner: id("partner"),
  name: fields.name.optional(),
  locale: locale.optional(),
  timeZone: zone.optional(),
  holidays: holidays.optional(),
  subscriptions: subscriptions.optional(),
  endpoints: z
    .array(newEndpoint.extend({ role: role.optional() }), "is not a list; give a list of endpoints")
    .max(50, "has more than 50 entries")
    .default([]),
});
export type ImportedPartner = z.output<typeof importedPartner>;

export const partnerPatch = z.strictObject(fields).partial();

export const rotation = z
  .strictObject({ overlap: hours("30 days", 30 * secondsOf("PT24H")).default("PT24H") })
  .prefault({});

export const endpoint = z
  .object({
    endpoint: z.string().describe("ep_<number>"),
    partner: z.string(),
    channel: z.enum(CHANNELS),
    address: z.string(),
    role: z.enum(ENDPOINT_ROLES),
    status: z.enum(ENDPOINT_STATUSES),
  })
  .meta({ id: "Endpoint" });

/** A webhook's secret is shown once, here. */
export const createdEndpoint = endpoint
  .extend({ secret: z.string().optional().describe("Of a webhook; not shown again") })
  .meta({ id: "CreatedEndpoint" });

const partnerFields = {
  partner: z.string(),
  name: z.string(),
  locale: z.string(),
  timeZone: z.string(),
  holidays: z.array(z.iso.date()),
  subscriptions: z.array(z.string()),
  joinedAt: instant,
};
export const partner = z.object({ ...partnerFields, endpoints: z.array(endpoint) }).meta({ id: "Partner" });
export const createdPartner = z
  .object({ ...partnerFields, endpoints: z.array(createdEndpoint) })
  .meta({ id: "CreatedPartner" });
