import ipaddr from "ipaddr.js";
import { PUBLIC_V6, REFUSED_V4, REFUSED_V6, WRAPPERS } from "./address-registry.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** CIDRs that webhooks may reach although they are not public, read once; see `readAllowList`. */
export type AllowList = readonly Range[];

export type AddressVerdict =
  /** Globally reachable by IANA's special-purpose registries. */
  | { kind: "public" }
  /** Not public, or not only so, but inside the allow-list. */
  | { kind: "allowed" }
  /** `why` completes "the address is …": "loopback", "a metadata service of a cloud", "not an IP address". */
  | { kind: "refused"; why: string };

const within = (address: Address, [base, bits]: Range): boolean =>
  address.kind() === base.kind() && address.match(base, bits);

const compile = (rows: readonly (readonly [string, string | null])[]): { range: Range; why: string | null }[] =>
  rows
    .map(([cidr, why]) => ({ range: ipaddr.parseCIDR(cidr), why }))
    .sort((one, other) => other.range[1] - one.range[1]);

/** Longest prefix first, so that the first match is the registry's most specific entry. */
const REGISTRY = { ipv4: compile(REFUSED_V4), ipv6: compile(REFUSED_V6) };
const PUBLIC_RANGES_V6 = PUBLIC_V6.map((cidr): Range => ipaddr.parseCIDR(cidr));
const CARRIERS = WRAPPERS.map((wrapper) => ({ ...wrapper, range: ipaddr.parseCIDR(wrapper.cidr) }));
const MAPPED: Range = ipaddr.parseCIDR("::ffff:0:0/96");

/** Whether `text` is a CIDR of either family; `10.1.0.0/16` is, `10.1.0.0` and `10.1.0.0/33` are not. */
export const isCidr = (text: string): boolean =>
  ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text);

/**
 * The ranges of `FOREWARN_WEBHOOK_ALLOW`. Throws on what is not a CIDR: configuration was checked before.
 *
 * @example readAllowList(["127.0.0.0/8", "::1/128"])
 */
export const readAllowList = (cidrs: readonly string[]): AllowList =>
  cidrs.map((cidr) => {
    if (!isCidr(cidr)) throw new Error(`${cidr} is not a CIDR; example: 10.1.0.0/16`);
    return ipaddr.parseCIDR(cidr);
  });

/**
 * An address in any notation that a URL's host or a resolver may hold, or null: dotted, short, octal, hexadecimal and
 * decimal IPv4 as the WHATWG URL standard reads them, IPv6 with or without brackets and zone.
 */
const readAddress = (text: string): Address | null => {
  const bare = text.replace(/^\[(.*)\]$/s, "$1").replace(/%.*$/s, "");
  if (!/^[0-9a-z.:]+$/i.test(bare)) return null;
  const host = URL.parse(bare.includes(":") ? `http://[${bare}]/` : `http://${bare}/`)?.hostname;
  const plain = host?.replace(/^\[(.*)\]$/s, "$1");
  if (plain === undefined || !ipaddr.isValid(plain) || !/^[0-9.]+$|:/.test(plain)) return null;
  return ipaddr.parse(plain);
};

const inner = (address: Address): Address[] => {
  if (address.kind() === "ipv4") return [];
  const bytes = address.toByteArray();
  return CARRIERS.filter(({ range, marks }) => within(address, range) && (marks?.(bytes) ?? true)).flatMap((carrier) =>
    carrier.carries(bytes).map((octets) => new ipaddr.IPv4(octets)),
  );
};

/** Why the internet cannot reach an address; null when it can. What carries an IPv4 address is as reachable as that. */
const refusal = (address: Address): string | null => {
  const entry = REGISTRY[address.kind()].find(({ range }) => within(address, range));
  if (entry?.why) return entry.why;
  const carried = inner(address);
  for (const one of carried) {
    const why = refusal(one);
    if (why !== null) return `a wrapping of ${one.toString()}, which is ${why}`;
  }
  if (address.kind() === "ipv4" || entry || carried.length > 0) return null;
  return PUBLIC_RANGES_V6.some((range) => within(address, range)) ? null : "outside the allocated IPv6 space";
};

/**
 * Whether webhooks may reach an address: globally reachable by IANA's special-purpose registries for IPv4 and IPv6,
 * with the IPv4 address inside an IPv6 one judged too; or inside `allow`, which wins over every registry.
 *
 * An allow-list entry for IPv4 covers the same host written as `::ffff:a.b.c.d`, and no other wrapping.
 *
 * @example judgeAddress("0x7f.1", []) // { kind: "refused", why: "loopback" }
 */
export const judgeAddress = (text: string, allow: AllowList): AddressVerdict => {
  const address = readAddress(text);
  if (address === null) return { kind: "refused", why: "not an IP address" };
  const spellings = within(address, MAPPED) ? [address, ...inner(address)] : [address];
  if (spellings.some((one) => allow.some((range) => within(one, range)))) return { kind: "allowed" };
  const why = refusal(address);
  return why === null ? { kind: "public" } : { kind: "refused", why };
};

/** `problem` completes "the address …", and says what to do. */
export type UrlVerdict = { ok: true } | { ok: false; problem: string };

const MAX_URL = 2048;
const REMEDY = "use a public https: address, or have the operator add its range to FOREWARN_WEBHOOK_ALLOW";

/** Names that never lead to a public host, with an address that they stand for; null: any private one. First match wins. */
const PRIVATE_NAMES: readonly (readonly [RegExp, representative: readonly string[] | null])[] = [
  [/^(?:.*\.)?localhost$/, ["127.0.0.1", "::1"]],
  [/^metadata(?:\.google\.internal|\.goog)?$/, ["169.254.169.254"]],
  [/\.(?:internal|local|localdomain|lan|intranet|private|corp|home|home\.arpa)$/, null],
  [/^[^.]+$/, null],
];

/**
 * Whether a webhook may have this URL, judged when it is registered; each attempt vets the connected address again.
 *
 * Names are not resolved here. `http:` is for addresses inside the allow-list: a literal must lie in it, and a name
 * passes where there is one, as its address is vetted against it at each connection.
 *
 * @example judgeWebhookUrl("https://0x7f.1/hook", []) // { ok: false, problem: "leads to 127.0.0.1, which is loopback; …" }
 */
export const judgeWebhookUrl = (text: string, allow: readonly string[]): UrlVerdict => {
  const no = (problem: string): UrlVerdict => ({ ok: false, problem });
  if (text.length > MAX_URL) return no(`has more than ${MAX_URL} characters; use a shorter one`);
  const url = URL.parse(text);
  if (url === null || !["https:", "http:"].includes(url.protocol))
    return no("is not an https: URL; example: https://hooks.example.com/forewarn");
  if (url.username || url.password)
    return no("holds a user name or a password; leave them out and verify the signature instead");
  if (text.includes("#")) return no("holds a fragment, which is never sent; leave out the # and what follows it");

  const ranges = readAllowList(allow);
  const host = url.hostname.replace(/\.$/, "");
  const literal = readAddress(host);
  const verdict = literal && judgeAddress(host, ranges);
  if (verdict?.kind === "refused") return no(`leads to ${literal?.toString()}, which is ${verdict.why}; ${REMEDY}`);
  const named = literal ? undefined : PRIVATE_NAMES.find(([name]) => name.test(host));
  const opened = (addresses: readonly string[] | null): boolean =>
    addresses === null ? allow.length > 0 : addresses.some((one) => judgeAddress(one, ranges).kind === "allowed");
  if (named && !opened(named[1])) return no(`leads to ${host}, which is not a public name; ${REMEDY}`);
  const inside = verdict ? verdict.kind === "allowed" : allow.length > 0;
  if (url.protocol === "http:" && !inside) return no(`begins with http:, which anybody on the way can read; ${REMEDY}`);
  if (!inside && url.port !== "" && Number(url.port) < 1024)
    return no(`names port ${url.port}, which belongs to another protocol; use 443 or one above 1023`);
  return { ok: true };
};
