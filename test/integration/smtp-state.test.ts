import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { smtpState } from "../../src/processes/checks.ts";
import { atEnd } from "../support/at-end.ts";
import { startMailbox } from "../support/mailbox.ts";

/** A relay without STARTTLS that keeps what it is told. */
const startPlainRelay = async (): Promise<{ port: number; heard: string[] }> => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.write("220 relay\r\n");
    socket.on("data", (bytes) => {
      const line = String(bytes);
      heard.push(line);
      socket.write(line.startsWith("EHLO") ? "250-relay\r\n250 AUTH PLAIN\r\n" : "235 welcome\r\n");
    });
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => server.close());
  return { port: (server.address() as AddressInfo).port, heard };
};

test("a probe of the relay never sends the password where the sender would not", async () => {
  const { port, heard } = await startPlainRelay();
  // A spelling of this machine that is not taken for it: as for a relay elsewhere, STARTTLS is demanded.
  const state = await smtpState(`smtp://user:hush@[::ffff:127.0.0.1]:${port}`);
  assert.notEqual(state, "ok");
  assert.ok(
    heard.some((line) => line.startsWith("EHLO")),
    `it was asked: ${state}`,
  );
  assert.ok(!heard.some((line) => line.startsWith("AUTH")), heard.join(""));
});

test("a relay on this machine that takes mail is ok", async () => {
  const mailbox = await startMailbox();
  assert.equal(await smtpState(mailbox.url), "ok");
});
