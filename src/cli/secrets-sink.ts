import { type FileHandle, open, rm } from "node:fs/promises";
import { CommandFailure, EXIT } from "./exit.ts";
import { printable, type Terminal } from "./terminal.ts";

/** Where an import's new webhook secrets go, which are answered once and never again. */
export type SecretsSink = {
  take(line: string): Promise<void>;
  /** Once all have come, or the import has failed; resolves to how many were taken. */
  end(): Promise<number>;
};

type NewWebhook = { partner: string; endpoint: string; secret: string };

/** Lines are written together, so that a hundred thousand are not as many writes. */
const BUFFERED = 64 * 1024;

/**
 * A new file that only its owner may read. It is opened before anything is sent: secrets that cannot be written would be
 * lost. One that stays empty is taken away again.
 */
const fileSink = async (path: string): Promise<SecretsSink> => {
  let file: FileHandle;
  try {
    file = await open(path, "wx", 0o600);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "EEXIST" ? "it exists already" : (error as Error).message;
    throw new CommandFailure(EXIT.usage, `${path} cannot be written: ${why}; nothing was sent`);
  }
  let taken = 0;
  let pending = "";
  const flush = async (): Promise<void> => {
    const text = pending;
    pending = "";
    await file.appendFile(text);
  };
  return {
    take: async (line) => {
      taken += 1;
      pending += `${line}\n`;
      if (pending.length > BUFFERED) await flush();
    },
    end: async () => {
      await flush();
      await file.close();
      if (taken === 0) await rm(path);
      return taken;
    },
  };
};

const terminalSink = (terminal: Terminal, json: boolean): SecretsSink => {
  let taken = 0;
  const show = (line: string): string => {
    const { partner, endpoint, secret } = JSON.parse(line) as NewWebhook;
    return `${printable(partner).padEnd(24)}  ${endpoint.padEnd(10)}  ${secret}`;
  };
  return {
    take: async (line) => {
      taken += 1;
      terminal.print(json ? line : show(line));
    },
    end: async () => taken,
  };
};

/** A private file where one is named; else NDJSON or aligned lines on standard output. */
export const openSecretsSink = async (
  terminal: Terminal,
  { secrets, json = false }: { secrets?: string; json?: boolean },
): Promise<SecretsSink> => (secrets ? fileSink(secrets) : terminalSink(terminal, json));
