import assert from "node:assert/strict";
import { createHash, createVerify, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { atEnd } from "../support/at-end.ts";
import { senderTo } from "../support/mail-sending.ts";
import { startMailbox } from "../support/mailbox.ts";

test("with a DKIM key each mail is signed over the headers that matter, and a key that cannot sign stops the start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-dkim-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyFile = join(folder, "dkim.pem");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const mailbox = await startMailbox();
  const dkim = { domain: "example.com", selector: "s1", keyFile };
  assert.equal((await senderTo(mailbox.url, { dkim }).send()).kind, "sent");
  const [mail] = await mailbox.waitFor(1);
  const raw = (mail?.raw ?? Buffer.of()).toString("latin1");
  const [head, body] = [raw.slice(0, raw.indexOf("\r\n\r\n")), raw.slice(raw.indexOf("\r\n\r\n") + 4)];
  const fields = head.split(/\r\n(?![ \t])/);
  const relaxed = (field: string): string =>
    `${field.slice(0, field.indexOf(":")).toLowerCase()}:${field
      .slice(field.indexOf(":") + 1)
      .replace(/\r\n/g, "")
      .replace(/[ \t]+/g, " ")
      .trim()}`;
  const signature = fields.find((field) => field.startsWith("DKIM-Signature:")) ?? "";
  const tag = (name: string): string =>
    new RegExp(`[;: ]${name}=([^;]*)`).exec(relaxed(signature))?.[1]?.replace(/\s/g, "") ?? "";
  const signed = tag("h").split(":");
  for (const name of ["from", "to", "subject", "message-id", "date", "auto-submitted", "forewarn-change"])
    assert.ok(signed.includes(name), `${name} is not signed`);
  const relaxedBody = `${body
    .split("\r\n")
    .map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""))
    .join("\r\n")
    .replace(/(\r\n)*$/, "")}\r\n`;
  // RFC 8058, section 4: both are covered, else the button of the mail program is not trusted.
  for (const name of ["list-unsubscribe", "list-unsubscribe-post"]) {
    assert.ok(signed.includes(name), `${name} is not signed`);
    assert.equal(
      fields.filter((field) => field.toLowerCase().startsWith(`${name}:`)).length,
      1,
      `${name} is there once`,
    );
  }
  assert.ok(fields.includes("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
  assert.equal(createHash("sha256").update(relaxedBody, "latin1").digest("base64"), tag("bh"));
  const data = [
    ...signed.map((name) => relaxed(fields.find((field) => field.toLowerCase().startsWith(`${name}:`)) ?? "")),
    relaxed(signature).replace(/ b=.*$/, " b="),
  ].join("\r\n");
  assert.ok(createVerify("RSA-SHA256").update(data, "latin1").verify(publicKey, tag("b"), "base64"));

  const elliptic = join(folder, "ec.pem");
  writeFileSync(
    elliptic,
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
  );
  assert.throws(() => senderTo(mailbox.url, { dkim: { ...dkim, keyFile: elliptic } }), /no RSA key/);
});
