import { Readable } from "node:stream";
import type pg from "pg";
import { endpointId } from "../domain/delivery.ts";
import type { Fault } from "../domain/fault.ts";
import { Problem } from "../errors.ts";
import type { Keyring } from "../keyring.ts";
import {
  closeImport,
  type ImportRow,
  linesOfUnknownZones,
  mergeImport,
  namelessPartners,
  newWebhooks,
  openImport,
  repeatedPartners,
  stageImport,
} from "../ledger/partner-import.ts";
import { serviceIds } from "../ledger/services.ts";
import { UNKNOWN_ZONE } from "../ledger/zones.ts";
import { newSecret } from "../senders/signature.ts";
import { faultAt, importRows, type LineFault } from "./import-rows.ts";
import type { ImportedPartner } from "./shapes/partner.ts";

/** Faults that are answered; the rest is counted. */
const SHOWN_FAULTS = 100;
const ROWS_AT_ONCE = 1_000;
const WEBHOOKS_AT_ONCE = 1_000;

/** A bounded list of faults with their lines, and how many there were. */
const makeFaults = () => {
  const shown: LineFault[] = [];
  let count = 0;
  return {
    get count() {
      return count;
    },
    add: (line: number, faults: readonly Fault[]): void => {
      count += faults.length;
      for (const fault of faults.slice(0, SHOWN_FAULTS - shown.length)) shown.push(faultAt(line, fault));
    },
    problem: (rows: number): Problem =>
      new Problem(
        "invalid",
        `${count} ${count === 1 ? "fault" : "faults"} in ${rows} ${rows === 1 ? "row" : "rows"}${count > shown.length ? `, of which the first ${shown.length} are listed` : ""}; nothing was imported`,
        shown.toSorted((a, b) => a.line - b.line),
      ),
  };
};

const toRow = (line: number, partner: ImportedPartner, keyring: Keyring): ImportRow => ({
  line,
  partner: partner.partner,
  name: partner.name ?? null,
  locale: partner.locale ?? null,
  timeZone: partner.timeZone ?? null,
  holidays: partner.holidays ?? null,
  subscriptions: partner.subscriptions ?? null,
  endpoints: partner.endpoints.map(({ channel, address, role, secret }) => ({
    channel,
    address,
    role: role ?? null,
    // Only new webhooks keep it; which are new is known when all is merged.
    secretSealed: channel === "webhook" ? keyring.seal(secret ?? newSecret()) : null,
  })),
});

export type Imported = {
  partners: number;
  created: number;
  endpoints: number;
  /** NDJSON, a line for each new webhook. */
  answer: Readable;
};

type Parts = { pool: pg.Pool; keyring: Keyring; allow: readonly string[] };

/**
 * Reads an import file and merges it in one transaction: all of it, or nothing and the line of every fault.
 *
 * Rows go to temporary tables a thousand at a time, and secrets come back out a thousand at a time after the commit, so
 * memory does not grow with the file. Throws Problem; closing `answer` gives the connection back.
 */
export const importPartners = async (
  type: string,
  body: Readable,
  { pool, keyring, allow }: Parts,
): Promise<Imported> => {
  const sql = await pool.connect();

  const gather = async (): Promise<void> => {
    const services = await serviceIds(sql);
    const faults = makeFaults();
    let rows = 0;
    let batch: ImportRow[] = [];
    const stage = async (): Promise<void> => {
      if (batch.length > 0 && faults.count === 0) await stageImport(sql, batch);
      batch = [];
    };
    for await (const read of importRows(type, body, { services, allow })) {
      rows += 1;
      if ("faults" in read) faults.add(read.line, read.faults);
      else if (faults.count === 0) batch.push(toRow(read.line, read.partner, keyring));
      if (batch.length >= ROWS_AT_ONCE) await stage();
    }
    await stage();
    if (faults.count === 0) {
      for (const line of await linesOfUnknownZones(sql, SHOWN_FAULTS))
        faults.add(line, [{ path: "timeZone", message: UNKNOWN_ZONE }]);
      for (const { partner, lines } of await repeatedPartners(sql, SHOWN_FAULTS))
        for (const line of lines.slice(1))
          faults.add(line, [
            { path: "partner", message: `names ${partner} again, after line ${lines[0]}; keep one of them` },
          ]);
      for (const line of await namelessPartners(sql, SHOWN_FAULTS))
        faults.add(line, [{ path: "name", message: "is missing; a partner that is new needs one" }]);
    }
    if (faults.count > 0) throw faults.problem(rows);
  };

  async function* secrets(): AsyncGenerator<string> {
    let after = 0;
    for (;;) {
      const page = await newWebhooks(sql, after, WEBHOOKS_AT_ONCE);
      if (page.length === 0) return;
      yield page
        .map(({ no, partner, address, secretSealed }) => {
          const secret = keyring.open(secretSealed);
          return `${JSON.stringify({ partner, endpoint: endpointId(no), channel: "webhook", address, secret })}\n`;
        })
        .join("");
      after = page.at(-1)?.no ?? after;
    }
  }

  try {
    await sql.query("BEGIN");
    await openImport(sql);
    await gather();
    const merged = await mergeImport(sql);
    await sql.query("COMMIT");
    const answer = Readable.from(secrets(), { objectMode: false });
    answer.once("close", () => {
      closeImport(sql).then(
        () => sql.release(),
        () => sql.release(true),
      );
    });
    return { ...merged, answer };
  } catch (error) {
    const broken = await sql.query("ROLLBACK").then(
      () => false,
      () => true,
    );
    sql.release(broken);
    throw error;
  }
};
