import type { Channel } from "../src/domain/category.ts";
import { newSecret } from "../src/senders/signature.ts";
import type { Stage } from "./stage.ts";

/** Rows that one statement brings; a long parameter is slow to parse. */
const AT_ONCE = 10_000;

export type Recipient = { no: number; partner: string; address: string; secret: string };

/**
 * Partners `<service>-1`, `<service>-2`, … with one endpoint each, who follow the service, as if they had been there for
 * long: nobody has to welcome them. With `ownServices` each follows a service of its own instead, named as the partner.
 */
export const populate = async (
  { sql, parts }: Pick<Stage, "sql" | "parts">,
  {
    service,
    count,
    channel,
    addressOf,
    ownServices = false,
  }: { service: string; count: number; channel: Channel; addressOf: (no: number) => string; ownServices?: boolean },
): Promise<Recipient[]> => {
  const addServices = (services: readonly string[]) =>
    sql.query("INSERT INTO services (service, title) SELECT s, 'The API' FROM unnest($1::text[]) AS s", [services]);
  if (!ownServices) await addServices([service]);
  const recipients = Array.from({ length: count }, (_, at) => {
    const no = at + 1;
    return { no, partner: `${service}-${no}`, address: addressOf(no), secret: newSecret() };
  });
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = recipients.slice(from, from + AT_ONCE);
    if (ownServices) await addServices(some.map(({ partner }) => partner));
    await sql.query(
      `INSERT INTO partners (partner, name, subscriptions)
       SELECT p, 'Partner ' || p, ARRAY[coalesce($2, p)] FROM unnest($1::text[]) AS p`,
      [some.map(({ partner }) => partner), ownServices ? null : service],
    );
    await sql.query(
      `INSERT INTO endpoints (partner, channel, address, secret_sealed, unwelcomed)
       SELECT p, $2, a, s, false FROM unnest($1::text[], $3::text[], $4::bytea[]) AS x (p, a, s)`,
      [
        some.map(({ partner }) => partner),
        channel,
        some.map(({ address }) => address),
        some.map(({ secret }) => (channel === "webhook" ? parts.keyring.seal(secret) : null)),
      ],
    );
  }
  await sql.query("VACUUM ANALYZE services, partners, endpoints, followers");
  return recipients;
};
