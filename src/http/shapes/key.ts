import { z } from "zod";
import { SCOPES } from "../../ledger/keys.ts";
import { instant, line } from "./fields.ts";

export const newKey = z.strictObject({
  name: line(200).describe("Who or what uses it"),
  scopes: z
    .array(z.enum(SCOPES, `is not a scope; use ${SCOPES.join(", ")}`), "is missing; give a list of scopes")
    .min(1, `is empty; use at least one of ${SCOPES.join(", ")}`)
    .transform((scopes) => [...new Set(scopes)]),
});

const shown = {
  key: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: instant,
  revokedAt: instant.nullable(),
};
export const key = z.object(shown).meta({ id: "Key" });
export const createdKey = z
  .object({ ...shown, secret: z.string().describe("The whole key, fw_<id>_<secret>; not shown again") })
  .meta({ id: "CreatedKey" });
