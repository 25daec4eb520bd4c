/** A group of fields of a `message/delivery-status` part, by lower-case name (RFC 3464 §2.1.1). */
export type StatusFields = ReadonlyMap<string, string>;

/** What a report says of one recipient. */
export type RecipientReport = {
  /** `failed`, `delayed`, `delivered`, `relayed`, `expanded`. */
  action: string;
  /** RFC 3463, `5.1.1`. */
  code: string;
  diagnostic: string | null;
  /** The addresses that it was sent to, as we wrote it and as it ended, in lower case. */
  recipients: string[];
};

/** `hard`: the address takes no mail. `soft`: this mail did not arrive. `none`: no bad news. */
export type BounceKind = "hard" | "soft" | "none";

const CODE = /\b([245])\.(\d{1,3})\.(\d{1,3})\b/;

/** In order; the first that fits is taken. Standards: 5.x.x is hard, 4.x.x soft; only `failed` is an end. */
const KINDS: readonly { action: RegExp; code: RegExp; kind: BounceKind; because: string }[] = [
  { action: /^(?:delivered|relayed|expanded)$/, code: /./, kind: "none", because: "RFC 3464 2.3.3: it went on" },
  { action: /^delayed$/, code: /./, kind: "none", because: "RFC 3464 2.3.3: it is still tried" },
  { action: /^failed$/, code: /^5\.2\.2$/, kind: "soft", because: "RFC 3463 3.3: a full mailbox is emptied again" },
  {
    action: /^failed$/,
    code: /^5\.7\./,
    kind: "soft",
    because: "RFC 3463 3.8: a policy refused the mail, not the address",
  },
  { action: /^failed$/, code: /^5\./, kind: "hard", because: "RFC 3463 2: permanent" },
  { action: /^failed$/, code: /^4\./, kind: "soft", because: "RFC 3463 2: persistent transient, given up" },
];

export const bounceKind = ({ action, code }: Pick<RecipientReport, "action" | "code">): BounceKind =>
  KINDS.find((row) => row.action.test(action) && row.code.test(code))?.kind ?? "none";

/** Groups of `name: value` lines divided by empty ones; a line that begins with a blank goes on with the one before. */
export const readStatusFields = (text: string): StatusFields[] =>
  text
    .replace(/\r\n?/g, "\n")
    .replace(/\n[ \t]+/g, " ")
    .split(/\n{2,}/)
    .map(
      (group) =>
        new Map(
          group.split("\n").flatMap((line) => {
            const [, name, value] = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line) ?? [];
            return name === undefined ? [] : [[name.toLowerCase(), (value ?? "").trim()] as const];
          }),
        ),
    )
    .filter((fields) => fields.size > 0);

/**
 * The address in `rfc822; dev@acme.example`, in lower case; null when it is of another kind.
 *
 * @example typedAddress("RFC822; <Dev@Acme.example>") // "dev@acme.example"
 */
export const typedAddress = (value: string | undefined): string | null => {
  const [, address] = /^(?:rfc822|utf-8)\s*;\s*<?([^\s<>]+@[^\s<>]+)>?$/i.exec(value ?? "") ?? [];
  return address?.toLowerCase() ?? null;
};

/** The report on each recipient of a delivery status; empty when there is none. */
export const readReports = (groups: readonly StatusFields[]): RecipientReport[] =>
  groups.flatMap((fields) => {
    const action = fields.get("action")?.toLowerCase().split(/[\s(]/)[0];
    const recipients = ["original-recipient", "final-recipient"].flatMap(
      (name) => typedAddress(fields.get(name)) ?? [],
    );
    if (action === undefined || recipients.length === 0) return [];
    const diagnostic = fields.get("diagnostic-code") ?? null;
    const code = CODE.exec(fields.get("status") ?? "")?.[0] ?? CODE.exec(diagnostic ?? "")?.[0] ?? "";
    return [{ action, code, diagnostic, recipients: [...new Set(recipients)] }];
  });
