import type { Keyring } from "../keyring.ts";
import type { Addressee, NoticeContent } from "../senders/sender.ts";
import { webhookId } from "../senders/signature.ts";

/** `id` is the delivery's webhook-id, for a caller that has it already. */
export type RenderNoticeWebhook = (content: NoticeContent) => (to: Addressee, id?: string) => Buffer;

/** JSON of an object without its closing brace, so that members can follow. */
const open = (members: object): string => JSON.stringify(members).slice(0, -1);
/** JSON of an object without its opening brace, to follow `open`; neither may be empty. */
const rest = (members: object): string => `,${JSON.stringify(members).slice(1)}`;

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
    return (to, id = webhookId(to.delivery)) => {
      const page = `${publicUrl}/p/${keyring.pageToken(to.partner, change?.change ?? null, to.pageEpoch)}`;
      const links = change ? { page, acknowledge: `${page}/acknowledgements` } : { page };
      return Buffer.concat([
        Buffer.from(`${open({ specversion: "1.0", id })},`),
        common,
        Buffer.from(`${rest({ partner: to.partner, links })}}`),
      ]);
    };
  };
