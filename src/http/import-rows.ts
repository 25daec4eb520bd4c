import { isUtf8 } from "node:buffer";
import { type Readable, pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { Fault } from "../domain/fault.ts";
import { Problem } from "../errors.ts";
import { endpointFaults } from "./addresses.ts";
import { parseJson } from "./json-body.ts";
import { BYTES } from "./limits.ts";
import { type ImportedPartner, importedPartner } from "./shapes/partner.ts";
import { readAs } from "./validate.ts";

/** One partner of an import file, or what is wrong with its line. */
export type ReadRow = { line: number } & ({ partner: ImportedPartner } | { faults: Fault[] });

/** One entry as it stands in the file, before it is checked. `columns` names each endpoint's column in faults. */
type RawRow = { line: number } & ({ value: unknown; columns?: readonly string[] } | { faults: Fault[] });

const COLUMNS = ["partner", "name", "email", "webhook", "timeZone", "locale", "subscriptions"] as const;
type Column = (typeof COLUMNS)[number];

/** The body in parts, at most `BYTES.import` of them. */
async function* bounded(body: Readable): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BYTES.import) throw new Problem("too-large", `an import holds at most ${BYTES.import} bytes; split it`);
    yield part;
  }
}

/** A fault of one line, which its path names before the field. */
export type LineFault = Fault & { line: number };

export const faultAt = (line: number, { path, message }: Fault): LineFault => ({
  line,
  path: path === "" ? `line ${line}` : `line ${line}: ${path}`,
  message,
});

/** A refusal of the file as a whole, for what stands on one line of it. */
const refusedAt = (line: number, detail: string, message: string): Problem =>
  new Problem("invalid", `${detail}; nothing was imported`, [faultAt(line, { path: "", message })]);

const NEWLINE = 10;

const notUtf8 = (bytes: Buffer, first: number): Problem => {
  let line = first;
  let from = 0;
  for (
    let end = bytes.indexOf(NEWLINE);
    end >= 0 && isUtf8(bytes.subarray(from, end));
    end = bytes.indexOf(NEWLINE, from)
  ) {
    from = end + 1;
    line += 1;
  }
  return refusedAt(line, "the file is not UTF-8", "holds bytes that are not UTF-8; save the file as UTF-8");
};

/**
 * The body in parts of whole lines, each with the number of its first one. Bytes that are not UTF-8 would become signs of replacement in
 * partners' names, so they are refused; so is a body of nothing, which is mostly an export that failed.
 */
async function* wholeLines(body: Readable): AsyncGenerator<{ first: number; bytes: Buffer }> {
  let first = 1;
  let rest = Buffer.alloc(0);
  let isEmpty = true;
  const checked = (bytes: Buffer): { first: number; bytes: Buffer } => {
    if (!isUtf8(bytes)) throw notUtf8(bytes, first);
    isEmpty &&= bytes.toString().trim() === "";
    return { first, bytes };
  };
  for await (const part of bounded(body)) {
    const end = part.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const whole = checked(Buffer.concat([rest, part.subarray(0, end)]));
      yield whole;
      for (let at = whole.bytes.indexOf(NEWLINE); at >= 0; at = whole.bytes.indexOf(NEWLINE, at + 1)) first += 1;
    }
    rest = end > 0 ? Buffer.from(part.subarray(end)) : Buffer.concat([rest, part]);
    if (rest.length > BYTES.line) throw new Problem("too-large", `line ${first} is longer than ${BYTES.line} bytes`);
  }
  yield checked(rest);
  if (isEmpty) throw refusedAt(1, "the file is empty", "holds nothing; see that the export before it worked");
}

/** A JSON object a line; empty lines count but hold nothing. */
async function* readNdjson(body: Readable): AsyncGenerator<RawRow> {
  for await (const { first, bytes } of wholeLines(body)) {
    const lines = bytes.toString().split("\n");
    for (const [at, text] of lines.entries()) {
      const line = first + at;
      if (text.trim() === "") continue;
      try {
        yield { line, value: parseJson(line === 1 ? text.replace(/^\ufeff/, "") : text) };
      } catch (error) {
        yield { line, faults: [{ path: "", message: (error as Error).message.replace(/^the body/, "the line") }] };
      }
    }
  }
}

async function* bytesOf(parts: AsyncIterable<{ bytes: Buffer }>): AsyncGenerator<Buffer> {
  for await (const { bytes } of parts) yield bytes;
}

const words = (cell: string | undefined): string[] => (cell ?? "").split(/\s+/).filter((word) => word !== "");

const fromCells = (cells: Partial<Record<Column, string>>): { value: unknown; columns: string[] } => {
  const endpoints = (["email", "webhook"] as const).flatMap((channel) =>
    words(cells[channel]).map((address) => ({ channel, address })),
  );
  const given = (["name", "timeZone", "locale"] as const).flatMap((name) => (cells[name] ? [[name, cells[name]]] : []));
  const subscriptions = words(cells.subscriptions);
  return {
    value: {
      partner: cells.partner,
      ...Object.fromEntries(given),
      ...(subscriptions.length > 0 ? { subscriptions } : {}),
      endpoints,
    },
    columns: endpoints.map(({ channel }) => channel),
  };
};

const checkHeader = (header: string[]): string[] => {
  const unknown = header.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  const problems = [
    ...unknown.map((name) => faultAt(1, { path: name, message: `is no column; columns are ${COLUMNS.join(", ")}` })),
    ...(header.includes("partner")
      ? []
      : [faultAt(1, { path: "partner", message: "is missing; the first line names the columns" })]),
  ];
  if (problems.length > 0) throw new Problem("invalid", "the columns are not valid; nothing was imported", problems);
  return header;
};

type CsvRecord = { record: Partial<Record<Column, string>>; info: { lines: number; error?: CsvError } };

/** RFC 4180 with a header line; several values in a cell are separated by spaces. */
async function* readCsv(body: Readable): AsyncGenerator<RawRow> {
  const parser = parse({
    columns: checkHeader,
    info: true,
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: BYTES.line,
  });
  // The parser's own iterator tells of every failure, so there is nothing left to do here.
  pipeline(bytesOf(wholeLines(body)), parser, () => undefined);
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>)
      yield info.error
        ? {
            line: info.lines,
            faults: [{ path: "", message: "has more or fewer cells than the first line; check the commas and quotes" }],
          }
        : { line: info.lines, ...fromCells(record) };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refusedAt(Number(error["lines"] ?? 1), "the file is not CSV", error.message);
  }
}

/** How each content type is read. */
export const IMPORT_TYPES: Record<string, (body: Readable) => AsyncGenerator<RawRow>> = {
  "text/csv": readCsv,
  "application/x-ndjson": readNdjson,
};

/** The faults of one entry, or the partner that it is. */
const check = (
  raw: RawRow,
  { services, allow }: { services: ReadonlySet<string>; allow: readonly string[] },
): ReadRow => {
  if ("faults" in raw) return raw;
  const { line, columns } = raw;
  const named = (fault: Fault): Fault => {
    const [, at] = /^endpoints\[(\d+)\]\.address$/.exec(fault.path) ?? [];
    return { ...fault, path: (at !== undefined && columns?.[Number(at)]) || fault.path };
  };
  const read = readAs(importedPartner, raw.value);
  if ("faults" in read) return { line, faults: read.faults.map(named) };
  const { endpoints, subscriptions = [] } = read.value;
  const faults = [
    ...endpoints.flatMap((endpoint, at) => endpointFaults(endpoint, allow, `endpoints[${at}].`)),
    ...subscriptions
      .filter((service) => service !== "*" && !services.has(service))
      .map((service) => ({ path: "subscriptions", message: `names ${service}, which is no service; add it first` })),
  ];
  return faults.length > 0 ? { line, faults: faults.map(named) } : { line, partner: read.value };
};

/** Every partner of an import file in order, each checked, one at a time. */
export async function* importRows(
  type: string,
  body: Readable,
  context: { services: ReadonlySet<string>; allow: readonly string[] },
): AsyncGenerator<ReadRow> {
  const read = IMPORT_TYPES[type];
  if (!read) throw new Problem("unsupported-media-type", `send an import as ${Object.keys(IMPORT_TYPES).join(" or ")}`);
  for await (const raw of read(body)) yield check(raw, context);
}
