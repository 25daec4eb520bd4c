import type { Keyring } from "../keyring.ts";
import type { Addressee, NoticeContent } from "../senders/sender.ts";
import { webhookId } from "../senders/signature.ts";

/** `id` is the delivery's webhook-id, for a caller that has it already. */
export type RenderNoticeWebhook = (content: NoticeContent) => (to: Addressee, id?: string) => Buffer;

/** JSON of an object without its closing brace, so that members can follow; it may not be empty. */
const open = (members: object): string => JSON.stringify(members).slice(0, -1);

/**
 * The webhook body of a notice (INTERFACE: "Webhook out"): a CloudEvent in structured mode, rendered once and spliced
 * with what is one partner's own. The bytes are the same on each attempt of a delivery, as `time` is the notice's.
 *
 * A notice that is not about a change (`test`, `endpoint-disabled`) has no `subject`, no `change` and nothing to
 * acknowledge; its `verdict` is null and its page is the partner's home.
 */
export const renderNoticeWebhook =
  ({ publicUrl, keyring }: { publicUrl: string; keyring: Pick<Keyring, "pageToken"> }): RenderNoticeWebhook =>
  ({ notice, change, previous, reason, verdict }) => {
    const common = Buffer.from(
      `${open({
        source: publicUrl,
        type: `forewarn.notice.${notice.kind}`,
        ...(change && { subject: change.change }),
        time: notice.dueAt,
        datacontenttype: "application/json",
      })},"data":${open({
        notice: { id: notice.id, kind: notice.kind, offset: notice.offset, lane: notice.lane },
        ...(change && {
          change: {
            change: change.change,
            revision: change.revision,
            ...change.fields,
            businessCritical: change.critical,
          },
        }),
        ...(Object.keys(previous).length > 0 && { previous }),
        ...(reason !== null && { reason }),
        verdict,
      })}`.slice(1),
    );
    const pages = JSON.stringify(`${publicUrl}/p/`).slice(0, -1);
    // Written by hand where JSON.stringify of two small objects and three buffers made one would do: 2 µs a delivery. Ids and
    // tokens are of characters that JSON leaves as they are; a partner's id may hold others.
    return (to, id = webhookId(to.delivery)) => {
      const page = `${pages}${keyring.pageToken(to.partner, change?.change ?? null, to.pageEpoch)}`;
      const acknowledge = change ? `,"acknowledge":${page}/acknowledgements"` : "";
      const head = `{"specversion":"1.0","id":"${id}",`;
      const tail = `,"partner":${JSON.stringify(to.partner)},"links":{"page":${page}"${acknowledge}}}}`;
      const body = Buffer.allocUnsafe(head.length + common.length + Buffer.byteLength(tail));
      body.write(head, 0, "latin1");
      common.copy(body, head.length);
      body.write(tail, head.length + common.length, "utf8");
      return body;
    };
  };
