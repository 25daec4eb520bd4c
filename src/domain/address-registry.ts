/**
 * Which addresses the internet cannot reach, as tables: IANA's "IPv4 Special-Purpose Address Registry" and "IPv6
 * Special-Purpose Address Registry" (RFC 6890, RFC 8190), every entry whose column "Globally Reachable" is not True,
 * and, as `null`, those inside such a block for which it is. The most specific entry decides. Added to them:
 * multicast, deprecated site-local addresses, and metadata services that clouds give a public address.
 *
 * The second column completes "the address is …".
 */
type Entry = readonly [cidr: string, why: string | null];

export const REFUSED_V4: readonly Entry[] = [
  ["0.0.0.0/8", 'of "this network" (RFC 791)'],
  ["10.0.0.0/8", "private (RFC 1918)"],
  ["100.64.0.0/10", "shared by a carrier's customers (RFC 6598)"],
  ["127.0.0.0/8", "loopback"],
  ["168.63.129.16/32", "a metadata service of a cloud"],
  ["169.254.0.0/16", "link-local, where clouds keep their metadata (RFC 3927)"],
  ["172.16.0.0/12", "private (RFC 1918)"],
  ["192.0.0.0/24", "reserved for protocols (RFC 6890)"],
  ["192.0.0.9/32", null],
  ["192.0.0.10/32", null],
  ["192.0.2.0/24", "for documentation (RFC 5737)"],
  ["192.88.99.0/24", "a deprecated 6to4 relay (RFC 7526)"],
  ["192.168.0.0/16", "private (RFC 1918)"],
  ["198.18.0.0/15", "for benchmarks (RFC 2544)"],
  ["198.51.100.0/24", "for documentation (RFC 5737)"],
  ["203.0.113.0/24", "for documentation (RFC 5737)"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved (RFC 1112)"],
  ["255.255.255.255/32", "broadcast"],
];

export const REFUSED_V6: readonly Entry[] = [
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["64:ff9b:1::/48", "for translation inside one network (RFC 8215)"],
  ["100::/64", "for discarding (RFC 6666)"],
  ["100:0:0:1::/64", "a dummy prefix (RFC 9780)"],
  ["2001::/23", "reserved for protocols (RFC 2928)"],
  ["2001::/32", null],
  ["2001:1::1/128", null],
  ["2001:1::2/128", null],
  ["2001:1::3/128", null],
  ["2001:2::/48", "for benchmarks (RFC 5180)"],
  ["2001:3::/32", null],
  ["2001:4:112::/48", null],
  ["2001:20::/28", null],
  ["2001:30::/28", null],
  ["2001:db8::/32", "for documentation (RFC 3849)"],
  ["3fff::/20", "for documentation (RFC 9637)"],
  ["5f00::/16", "a segment routing identifier (RFC 9602)"],
  ["fc00::/7", "private (unique local, RFC 4193)"],
  ["fe80::/10", "link-local (RFC 4291)"],
  ["fec0::/10", "site-local (RFC 3879)"],
  ["ff00::/8", "multicast"],
];

/** The only IPv6 space that IANA allocates as global unicast (RFC 4291, section 2.4); what lies outside is refused. */
export const PUBLIC_V6: readonly string[] = ["2000::/3"];

const last = (bytes: readonly number[]): number[][] => [bytes.slice(12)];

/** IPv6 addresses that carry IPv4 ones: packets to them end there, so each must itself be reachable. */
export const WRAPPERS: readonly {
  cidr: string;
  /** A further sign that the 16 bytes carry an IPv4 address. */
  marks?: (bytes: readonly number[]) => boolean;
  carries: (bytes: readonly number[]) => number[][];
}[] = [
  // IPv4-compatible (RFC 4291, section 2.5.5.1) and -mapped (2.5.5.2), IPv4-translated (RFC 2765), NAT64 (RFC 6052).
  { cidr: "::/96", carries: last },
  { cidr: "::ffff:0:0/96", carries: last },
  { cidr: "::ffff:0:0:0/96", carries: last },
  { cidr: "64:ff9b::/96", carries: last },
  // 6to4 (RFC 3056).
  { cidr: "2002::/16", carries: (bytes) => [bytes.slice(2, 6)] },
  // Teredo (RFC 4380): the server, and the client with its bits inverted.
  { cidr: "2001::/32", carries: (bytes) => [bytes.slice(4, 8), bytes.slice(12).map((byte) => byte ^ 0xff)] },
  // ISATAP (RFC 5214): the interface identifier [00|01|02|03]00:5efe:a.b.c.d under any prefix.
  {
    cidr: "::/0",
    marks: (bytes) => ((bytes[8] ?? 0) & 0xfc) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe,
    carries: last,
  },
];
