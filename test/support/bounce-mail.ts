/** What a mail server says of a mail that it could not deliver, by RFC 3464; parts may be replaced or left out (`null`). */
export type BounceParts = {
  recipient: string;
  action?: string;
  status?: string;
  envelopeId?: string | null;
  originalRecipient?: string | null;
  diagnostic?: string;
  /** The returned headers (or whole mail); null: nothing is returned. */
  returned?: string | null;
  returnedType?: "text/rfc822-headers" | "message/rfc822";
};

/** A raw delivery status notification with CRLF line ends, as Postfix writes it. */
export const bounceMail = ({
  recipient,
  action = "failed",
  status = "5.1.1",
  envelopeId = null,
  originalRecipient = null,
  diagnostic = "smtp; 550 5.1.1 <no such user>",
  returned = null,
  returnedType = "text/rfc822-headers",
}: BounceParts): string =>
  [
    "Return-Path: <>",
    "From: MAILER-DAEMON@mx.partner.example (Mail Delivery System)",
    "To: forewarn@localhost",
    "Subject: Undelivered Mail Returned to Sender",
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="A/mx.partner.example"',
    "Message-Id: <20261122.1@mx.partner.example>",
    "",
    "--A/mx.partner.example",
    "Content-Description: Notification",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "I'm sorry to have to inform you that your message could not be delivered.",
    "",
    "--A/mx.partner.example",
    "Content-Description: Delivery report",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.partner.example",
    ...(envelopeId === null ? [] : [`Original-Envelope-Id: ${envelopeId}`]),
    "Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)",
    "",
    `Final-Recipient: rfc822; ${recipient}`,
    ...(originalRecipient === null ? [] : [`Original-Recipient: rfc822;${originalRecipient}`]),
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: ${diagnostic}`,
    "",
    ...(returned === null
      ? []
      : [
          "--A/mx.partner.example",
          `Content-Type: ${returnedType}`,
          "",
          returned.replace(/\r?\n/g, "\n").trimEnd().replaceAll("\n", "\r\n"),
          "",
        ]),
    "--A/mx.partner.example--",
    "",
  ].join("\r\n");
