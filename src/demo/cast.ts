import { readFileSync } from "node:fs";
import { type Client, json } from "../cli/client.ts";
import type { Receiver } from "./receiver.ts";
import type { RealChange } from "./story.ts";

const sample = (file: string): string => readFileSync(new URL(`../../sample/${file}`, import.meta.url), "utf8");

type Endpoint = { channel: string; address: string };
type Partner = { partner: string; timeZone: string; endpoints: Endpoint[] };
type NewWebhook = { address: string; secret: string };

export const readRealChanges = (): RealChange[] =>
  (JSON.parse(sample("real-changes.json")) as { changes: RealChange[] }).changes;

/** `https://hooks.acme.example/changes` as a path of the local receiver. */
const localAddress = (address: string, receiver: Receiver): string => {
  const { host, pathname } = new URL(address);
  return `${receiver.origin}/${host}${pathname}`;
};

export type Cast = { services: number; partners: number; mails: number; webhooks: number; zones: number };

/** Loads services and partners over the API, with every webhook pointed at the receiver, which learns each secret. */
export const loadCast = async (client: Client, receiver: Receiver): Promise<Cast> => {
  const services = JSON.parse(sample("services.json")) as { service: string }[];
  for (const service of services) await client.send("PUT", `/v1/services/${service.service}`, json(service));
  const partners = sample("partners.ndjson")
    .trimEnd()
    .split("\n")
    .map((line): Partner => {
      const partner = JSON.parse(line) as Partner;
      const endpoints = partner.endpoints.map((endpoint) =>
        endpoint.channel === "webhook" ? { ...endpoint, address: localAddress(endpoint.address, receiver) } : endpoint,
      );
      return { ...partner, endpoints };
    });
  const { lines } = await client.stream("/v1/partners/import", {
    contentType: "application/x-ndjson",
    body: partners.map((partner) => `${JSON.stringify(partner)}\n`).join(""),
  });
  for await (const line of lines) {
    const { address, secret } = JSON.parse(line) as NewWebhook;
    receiver.expect(new URL(address).pathname, secret);
  }
  const endpoints = partners.flatMap((partner) => partner.endpoints);
  const count = (channel: string): number => endpoints.filter((endpoint) => endpoint.channel === channel).length;
  return {
    services: services.length,
    partners: partners.length,
    mails: count("email"),
    webhooks: count("webhook"),
    zones: new Set(partners.map((partner) => partner.timeZone)).size,
  };
};
