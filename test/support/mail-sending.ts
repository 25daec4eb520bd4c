import { makeKeyring } from "../../src/keyring.ts";
import { makeLog } from "../../src/log.ts";
import { makeOutages } from "../../src/outages.ts";
import { type EmailSenderDeps, makeEmailSender } from "../../src/senders/email.ts";
import type { Addressee } from "../../src/senders/sender.ts";
import { atEnd } from "./at-end.ts";
import { aNotice, anAddressee } from "./notice-scene.ts";
import { type Script, startScriptedRelay } from "./scripted-relay.ts";

const keyring = makeKeyring("a secret of this test, long enough for it");
const NEVER = new AbortController().signal;

/** An email sender to one relay, with a clock that the test moves by `pass`; it closes itself when the tests have ended. */
export const senderTo = (smtpUrl: string, rest: Partial<EmailSenderDeps> = {}) => {
  let now = Date.parse("2026-11-22T09:00:00Z");
  const lines: string[] = [];
  const log = makeLog("info", { write: (line) => lines.push(line) });
  const sender = makeEmailSender({
    smtpUrl,
    mailFrom: "API changes <changes@example.com>",
    publicUrl: "https://notices.example.com",
    keyring,
    templatesFolder: undefined,
    timeoutMs: 5_000,
    clock: { now: () => new Date(now) },
    outages: makeOutages({ log }),
    log,
    ...rest,
  });
  atEnd(() => sender.close());
  return {
    send: (to: Partial<Addressee> = {}, signal = NEVER) => sender.send(aNotice(), anAddressee(to), signal),
    close: () => sender.close(),
    pass: (ms: number) => (now += ms),
    lines,
  };
};

/** The same to a relay that answers by `script`. */
export const scripted = async (script: Script, rest: Partial<EmailSenderDeps> = {}) => {
  const relay = await startScriptedRelay(script);
  return { relay, ...senderTo(relay.url, rest) };
};
