import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCidr, judgeAddress, judgeWebhookUrl, readAllowList } from "../../src/domain/address.ts";

const list = (text: string): string[] => text.trim().split(/\s+/);

/** Spellings by what they lead to, and a word of the reason; IANA's registries, and the boundaries of each block. */
const REFUSED: Record<string, { why: RegExp; spellings: string[] }> = {
  "loopback, in every notation of a URL's host": {
    why: /loopback/,
    spellings: list(`
      127.0.0.1 127.0.0.0 127.255.255.255 127.1 127.0.1 0x7f.1 0x7F.0.0.1 0x7f000001 0X7F000001 0177.0.0.1 0177.1
      017700000001 00177.0.0.01 2130706433 127.0.0.1. 0x7f.0x0.0x0.0x1 127.0x1 [::1] ::1 0:0:0:0:0:0:0:1
      [0000:0000:0000:0000:0000:0000:0000:0001] ::1%lo [::ffff:127.0.0.1] ::ffff:7f00:1 ::FFFF:127.0.0.1 ::127.0.0.1
      ::7f00:1 ::ffff:0:127.0.0.1 ::ffff:0:7f00:1 64:ff9b::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2002:7f00:0001::1
      2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:7f00:1:8000:63bf:f7f7:f7f7 2606:4700::5efe:127.0.0.1
      2606:4700::200:5efe:127.0.0.1 2606:4700::100:5efe:7f00:1`),
  },
  "this network": {
    why: /this network|unspecified/,
    spellings: list(
      "0.0.0.0 0 0x0 00 0.0.0.1 0.255.255.255 :: [::] ::ffff:0.0.0.0 64:ff9b:: 64:ff9b::0.0.0.0 2002:: ::2 ::ffff",
    ),
  },
  "private networks": {
    why: /private/,
    spellings: list(`
      10.0.0.0 10.0.0.1 10.255.255.255 012.0.0.1 0xa.0.0.1 167772161 10.1 172.16.0.0 172.31.255.255 0xac100001
      192.168.0.0 192.168.255.255 192.168.257 3232235777 ::ffff:10.0.0.1 ::ffff:c0a8:101 64:ff9b::10.0.0.1
      2002:a00:1:: 2002:c0a8:101::1 ::ffff:0:192.168.1.1 2606:4700::5efe:10.0.0.1 fc00:: fd00::1
      fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff [fd12:3456:789a::1]`),
  },
  "metadata services of clouds": {
    why: /metadata|private|shared|reserved for protocols/,
    spellings: list(`
      169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe
      64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: fd00:ec2::254 fd20:ce::254 100.100.100.200 168.63.129.16 192.0.0.192
      169.254.170.2`),
  },
  "link-local and site-local networks": {
    why: /link-local|site-local/,
    spellings: list(`
      169.254.0.0 169.254.255.255 fe80:: fe80::1 fe80::1%eth0 febf:ffff::1 fe80::5efe:8.8.8.8 fec0:: fec0::1
      feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff`),
  },
  "a carrier's shared space": {
    why: /shared/,
    spellings: list("100.64.0.0 100.64.0.1 100.127.255.255 ::ffff:100.64.0.1"),
  },
  "protocol assignments": {
    why: /protocols|6to4 relay|one network|dummy|discarding|segment/,
    spellings: list(`
      192.0.0.0 192.0.0.8 192.0.0.11 192.0.0.170 192.0.0.255 192.88.99.0 192.88.99.1 192.88.99.2 192.88.99.255
      64:ff9b:1:: 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff::1 100:: 100::1 100::ffff:ffff:ffff:ffff 100:0:0:1::1
      2001:1:: 2001:1::4 2001:4:111::1 2001:10::1 2001:1f:ffff::1 2001:40::1 2001:1ff::1 5f00:: 5f00::1`),
  },
  "documentation and benchmarks": {
    why: /documentation|benchmarks/,
    spellings: list(`
      192.0.2.0 192.0.2.255 198.51.100.7 203.0.113.0 203.0.113.255 198.18.0.0 198.19.255.255 2001:db8:: 2001:db8::1
      2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff:: 3fff:fff:ffff::1 2001:2::1 2001:2:0:ffff::1
      2001:0:4136:e378:8000:63bf:3fff:fdd2`),
  },
  "many hosts, or none yet": {
    why: /multicast|reserved|broadcast|allocated/,
    spellings: list(`
      224.0.0.0 224.0.0.1 239.255.255.255 240.0.0.0 254.1.1.1 255.255.255.254 255.255.255.255 0xffffffff 4294967295
      ff00:: ff02::1 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 4000::1 1fff:ffff::1 ::1:0:0:0 64:ff9a::1 e000::1 200::1`),
  },
  "no address at all": {
    why: /not an IP address/,
    spellings: [
      "",
      "localhost",
      "example.com",
      "256.0.0.1",
      "1.2.3.4.5",
      "4294967296",
      "0x1ffffffff",
      "08.8.8.8",
      "1::2::3",
      "12345::1",
      "127.0.0.1:80",
      "127.0.0.1/8",
      "a@127.0.0.1",
      " 127.0.0.1",
      "127.0.0.1\u0000",
      "①②⑦.⓪.⓪.①",
      "face",
    ],
  },
};

const PUBLIC = list(`
  8.8.8.8 0x08080808 134744072 010.8.8.8 8.526344 1.1.1.1 1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0
  126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
  191.255.255.255 192.0.0.9 192.0.0.10 192.0.1.0 192.0.3.0 192.31.196.1 192.52.193.1 192.88.98.255 192.88.100.0
  192.167.255.255 192.169.0.0 192.175.48.1 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
  203.0.114.0 223.255.255.255 2606:4700:4700::1111 [2606:4700:4700::1111] 2001:4860:4860::8888 2000:: 2001:200::
  2001:1::1 2001:1::2 2001:1::3 2001:3::1 2001:4:112::1 2001:20::1 2001:2f:ffff::1 2001:30::1 2001:db7:ffff::1
  2001:db9:: 2003::1 2620:4f:8000::1 3ffe:ffff::1 3fff:1000::1 ::ffff:8.8.8.8 ::ffff:808:808 64:ff9b::8.8.8.8
  2002:808:808::1 2001:0:808:808:8000:63bf:f7f7:f7f7 2606:4700::5efe:8.8.8.8 2606:4700::5eff:127.0.0.1`);

for (const [what, { why, spellings }] of Object.entries(REFUSED))
  test(`${what}: none of ${spellings.length} spellings may be reached`, () => {
    for (const spelling of spellings) {
      const verdict = judgeAddress(spelling, []);
      assert.equal(verdict.kind, "refused", spelling);
      assert.match(verdict.kind === "refused" ? verdict.why : "", why, spelling);
    }
  });

test(`${PUBLIC.length} public addresses, up to the edges of the reserved blocks, stay reachable`, () => {
  for (const spelling of PUBLIC) assert.deepEqual(judgeAddress(spelling, []), { kind: "public" }, spelling);
});

test("the table holds at least 130 different spellings", () => {
  const all = [...PUBLIC, ...Object.values(REFUSED).flatMap(({ spellings }) => spellings)];
  assert.ok(new Set(all).size >= 130, `${new Set(all).size}`);
  assert.equal(new Set(all).size, all.length, "a spelling stands twice");
});

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));

test("every notation of one IPv4 address gets one verdict, and every wrapping of it none better", () => {
  fc.assert(
    fc.property(octets, ([a, b, c, d]) => {
      const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
      const dotted = `${a}.${b}.${c}.${d}`;
      const expected = judgeAddress(dotted, []);
      const notations = [
        String(number),
        `0x${number.toString(16)}`,
        `0${number.toString(8)}`,
        `0x${a.toString(16)}.0${b.toString(8)}.${(c << 8) | d}`,
        `${a}.${(b << 16) | (c << 8) | d}`,
      ];
      for (const notation of notations) assert.deepEqual(judgeAddress(notation, []), expected, notation);
      const [high, low] = [(number >>> 16).toString(16), (number & 0xffff).toString(16)];
      const [invertedHigh, invertedLow] = [(~number >>> 16).toString(16), (~number & 0xffff).toString(16)];
      const wrapped = [
        `::ffff:${dotted}`,
        `::ffff:0:${dotted}`,
        `64:ff9b::${dotted}`,
        `2002:${high}:${low}::1`,
        `2001:0:${high}:${low}:0:0:f7f7:f7f7`,
        `2001:0:808:808:0:0:${invertedHigh}:${invertedLow}`,
        `2606:4700::5efe:${dotted}`,
      ];
      for (const one of wrapped) assert.equal(judgeAddress(one, []).kind, expected.kind, one);
    }),
  );
});

test("the allow-list opens its ranges and nothing beside them, for IPv4 also when written as ::ffff:", () => {
  const allow = readAllowList(["127.0.0.0/8", "::1/128", "10.1.0.0/16"]);
  for (const open of list(
    "127.0.0.1 0x7f.1 2130706433 ::1 [::1] ::ffff:127.0.0.1 ::ffff:7f00:1 10.1.255.255 ::ffff:10.1.0.1",
  ))
    assert.deepEqual(judgeAddress(open, allow), { kind: "allowed" }, open);
  for (const closed of list(`
    10.2.0.0 10.0.255.255 0.0.0.0 :: ::2 169.254.169.254 64:ff9b::127.0.0.1 2002:7f00:1:: ::127.0.0.1 ::ffff:0:127.0.0.1
    2606:4700::5efe:10.1.0.1`))
    assert.equal(judgeAddress(closed, allow).kind, "refused", closed);
  assert.deepEqual(judgeAddress("8.8.8.8", allow), { kind: "public" });
});

test("a CIDR has an address and a length that fits it; anything else stops the reading of an allow-list", () => {
  for (const cidr of list("10.0.0.0/8 127.0.0.1/32 0.0.0.0/0 ::1/128 fd00::/8 ::ffff:10.0.0.0/104"))
    assert.ok(isCidr(cidr), cidr);
  for (const not of ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "300.0.0.0/8", "::1/129", "::1", "10.0.0.0/", "/8", ""]) {
    assert.ok(!isCidr(not), not);
    assert.throws(() => readAllowList([not]), /is not a CIDR; example/);
  }
});

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

for (const [url, problem] of [
  ["https://hooks.partner.example/forewarn?x=1", null],
  ["https://hooks.partner.example:8443/", null],
  ["https://hooks.partner.example:443/", null],
  ["https://8.8.8.8/", null],
  ["https://[2606:4700:4700::1111]/", null],
  ["https://büro.example/", null],
  ["hooks.partner.example", /not an https: URL; example: https:/],
  ["", /not an https: URL/],
  ["ftp://hooks.partner.example/", /not an https: URL/],
  ["javascript:alert(1)", /not an https: URL/],
  ["https://1.2.3.4.5/", /not an https: URL/],
  ["http://hooks.partner.example/", /http:, which anybody on the way can read; use/],
  ["http://8.8.8.8/", /http:, which anybody/],
  ["https://user@hooks.partner.example/", /user name or a password; leave/],
  ["https://:secret@hooks.partner.example/", /user name or a password/],
  ["https://hooks.partner.example/#a", /fragment, which is never sent; leave/],
  ["https://hooks.partner.example/#", /fragment/],
  ["https://127.0.0.1/", /leads to 127.0.0.1, which is loopback; .*FOREWARN_WEBHOOK_ALLOW/],
  ["https://0x7f.1/", /leads to 127.0.0.1, which is loopback/],
  ["https://①②⑦.⓪.⓪.①/", /leads to 127.0.0.1, which is loopback/],
  ["https://[::ffff:127.0.0.1]/", /which is a wrapping of 127.0.0.1/],
  ["https://169.254.169.254/latest/meta-data/", /link-local/],
  ["https://localhost/", /leads to localhost, which is not a public name; use/],
  ["https://LOCALHOST./", /localhost, which is not a public name/],
  ["https://api.localhost/", /not a public name/],
  ["https://metadata.google.internal/", /not a public name/],
  ["https://metadata/", /not a public name/],
  ["https://redis:6379/", /not a public name/],
  ["https://db.internal/", /not a public name/],
  ["https://printer.local/", /not a public name/],
  ["https://router.home.arpa/", /not a public name/],
  ["https://hooks.partner.example:25/", /port 25, which belongs to another protocol; use 443/],
  ["https://hooks.partner.example:0/", /port 0, which belongs/],
  [`https://hooks.partner.example/${"x".repeat(2048)}`, /more than 2048 characters; use/],
] as const)
  test(`a webhook may ${problem === null ? "" : "not "}be registered at ${url.slice(0, 60) || "an empty address"}`, () => {
    const verdict = judgeWebhookUrl(url, []);
    if (problem === null) assert.deepEqual(verdict, { ok: true });
    else assert.match(verdict.ok ? "" : verdict.problem, problem);
  });

test("with loopback allowed, its spellings and names may be registered, over http: too, and nothing else private", () => {
  for (const open of list(`
    http://127.0.0.1:8080/x https://0x7f.1/ http://[::1]:1/ http://[::ffff:127.0.0.1]/ http://localhost:3000/
    https://api.localhost/ http://receiver:9000/hook`))
    assert.deepEqual(judgeWebhookUrl(open, LOOPBACK), { ok: true }, open);
  for (const closed of list(`
    http://10.0.0.1/ https://169.254.169.254/ http://8.8.8.8/ https://metadata.google.internal/ http://user@localhost/
    http://0.0.0.0/ https://[2002:7f00:1::]/`))
    assert.equal(judgeWebhookUrl(closed, LOOPBACK).ok, false, closed);
  assert.equal(judgeWebhookUrl("https://localhost/", ["10.0.0.0/8"]).ok, false);
});

test("whatever is typed, a URL is judged and never throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.webUrl(), fc.string()), (text) => typeof judgeWebhookUrl(text, LOOPBACK).ok === "boolean"),
  );
});
