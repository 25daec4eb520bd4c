const ANSWER_CHARACTERS = 500;
const FAULT_CHARACTERS = 300;

/** What the other side did, by the code of the error that it left behind. */
const FAULTS: Record<string, string> = {
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "the name server did not answer",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed while sending",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the network",
  ETIMEDOUT: "the host did not take the connection in time",
  CERT_HAS_EXPIRED: "the certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate's chain ends in one that is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate's chain is incomplete",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate's issuer is not known",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another name",
  ERR_SSL_WRONG_VERSION_NUMBER: "the host does not speak TLS there",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_HEADERS_OVERFLOW: "the headers have more than 16 KiB",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the body is not as long as announced",
};

// C0 and C1 controls but for tab and line ends: PostgreSQL's text refuses NUL, and a terminal obeys the rest.
const CONTROLS = /[^\P{Cc}\t\n\r]+/gu;

const clean = (text: string, characters: number): string =>
  text.replace(CONTROLS, " ").trim().slice(0, characters).toWellFormed();

/** The first 500 characters of an answer's body, fit to be stored and shown; null when it says nothing. */
export const readableAnswer = (bytes: Buffer): string | null =>
  clean(bytes.toString("utf8"), ANSWER_CHARACTERS) || null;

/** An error of a connection in a sentence, with its code where it has one. */
export const sayFault = (fault: unknown): string => {
  const error = fault instanceof AggregateError && fault.errors.length > 0 ? (fault.errors[0] as unknown) : fault;
  if (!(error instanceof Error)) return clean(String(error), FAULT_CHARACTERS);
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  const words = (code === null ? undefined : FAULTS[code]) ?? error.message;
  return clean(code === null ? words : `${words} (${code})`, FAULT_CHARACTERS);
};
