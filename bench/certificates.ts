import { createSign, generateKeyPairSync, randomBytes } from "node:crypto";

/** A certificate authority for one run, and a certificate of it for each loopback address; all share one key. */
export type Certificates = { ca: string; key: string; certs: string[] };

/** DER (X.690): a tag, the length of what it holds, and that. */
const der = (tag: number, ...held: Uint8Array[]): Buffer => {
  const body = Buffer.concat(held);
  const { length } = body;
  const lengths = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...lengths]), body]);
};
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

const SEQUENCE = 0x30;
const ECDSA_SHA256 = der(SEQUENCE, der(0x06, hex("2a 86 48 ce 3d 04 03 02")));
const VALIDITY = der(SEQUENCE, der(0x17, Buffer.from("200101000000Z")), der(0x17, Buffer.from("491231235959Z")));
const COMMON_NAME = der(0x06, hex("55 04 03"));
const name = (text: string): Buffer =>
  der(SEQUENCE, der(0x31, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(text)))));
const extension = (oid: string, value: Buffer): Buffer => der(SEQUENCE, der(0x06, hex(oid)), der(0x04, value));
/** RFC 5280, 4.2.1.9 and 4.2.1.6: what an authority is, and whose address a certificate speaks for. */
const IS_AUTHORITY = extension("55 1d 13", der(SEQUENCE, der(0x01, hex("ff"))));
const speaksFor = (address: string): Buffer =>
  extension("55 1d 11", der(SEQUENCE, der(0x87, Buffer.from(address.split(".").map(Number)))));

const pem = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;

const AUTHORITY = "Forewarn benchmark";

/** X.509 certificates (RFC 5280) over P-256: node:crypto signs, but makes none. They are worth nothing outside one run. */
export const makeCertificates = (addresses: readonly string[]): Certificates => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const issue = (subject: string, extended: Buffer): string => {
    const serial = der(0x02, Buffer.concat([hex("01"), randomBytes(15)]));
    const signed = der(
      SEQUENCE,
      der(0xa0, der(0x02, hex("02"))),
      serial,
      ECDSA_SHA256,
      name(AUTHORITY),
      VALIDITY,
      name(subject),
      spki,
      der(0xa3, der(SEQUENCE, extended)),
    );
    const signature = createSign("sha256").update(signed).sign(privateKey);
    return pem(der(SEQUENCE, signed, ECDSA_SHA256, der(0x03, hex("00"), signature)));
  };
  return {
    ca: issue(AUTHORITY, IS_AUTHORITY),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    certs: addresses.map((address) => issue(address, speaksFor(address))),
  };
};
