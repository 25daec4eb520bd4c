/** Why a server of ours cannot start: one line that says what to do about it. */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
}

/** What a server wrote before it ended → what to tell its user; `$1`… are the pattern's groups. */
export type Faults = readonly { wrote: RegExp; say: string }[];

/** The first fault that fits what the server wrote; otherwise its last line, and where the rest is. */
export const explain = ({
  title,
  faults,
  wrote,
  logFile,
}: {
  title: string;
  faults: Faults;
  wrote: string;
  logFile: string;
}): EmbeddedError => {
  for (const fault of faults) {
    const found = fault.wrote.exec(wrote);
    if (found) return new EmbeddedError(fault.say.replaceAll(/\$(\d)/g, (_, no: string) => found[Number(no)] ?? ""));
  }
  const last = wrote.trimEnd().split("\n").at(-1) ?? "";
  return new EmbeddedError(`${title} did not start: ${last || "it wrote nothing"} (${logFile})`);
};
