import { Command, Option } from "commander";
import { CHANNELS } from "../domain/category.ts";
import { DELIVERY_STATUSES } from "../domain/delivery.ts";
import type { Cli, JsonOption } from "./cli.ts";
import { addListOptions, type ListOptions, printList } from "./list-options.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { moment, painted } from "./words.ts";

type Attempt = { at: string; ms: number; code: number | null; error?: string | null; answer?: string | null };
type DeliveryRow = {
  delivery: string;
  notice: string;
  partner: string;
  endpoint: string;
  channel: string;
  status: string;
  reason?: string | null;
  dueAt: string;
  sentAt: string | null;
  attempts: number;
};
type DeliveryView = Omit<DeliveryRow, "attempts"> & { attempts: Attempt[] };
type Filters = ListOptions & { status?: string; channel?: string; partner?: string };

const EXAMPLES = `
Examples:
  $ forewarn deliveries CHG-1042 --status failed
  $ forewarn deliveries CHG-1042.r1.announcement.ep_7      (one delivery with its attempts)`;

/** Ids of changes hold no dot, ids of deliveries do. */
const isDelivery = (id: string): boolean => id.includes(".");

const deliveryView = (terminal: Terminal, it: DeliveryView): string =>
  [
    terminal.paint("bold", printable(it.delivery)),
    `to ${printable(it.partner)} by ${it.channel} (${it.endpoint}): ${painted(terminal, it.status)}${it.reason ? `, ${printable(it.reason)}` : ""}`,
    "",
    table(
      terminal,
      [
        { title: "at (UTC)", of: (row) => moment(row.at) },
        { title: "ms", of: (row) => row.ms, align: "right" },
        { title: "code", of: (row) => row.code, align: "right" },
        { title: "what came back", of: (row) => printable(row.error ?? row.answer ?? ""), cut: true },
      ],
      it.attempts,
      `no attempt yet: due ${moment(it.dueAt)} UTC`,
    ),
  ].join("\n");

/** `forewarn deliveries <change>`: who was told and who not; with a delivery's id, its attempts. */
export const deliveriesCommand = (cli: Cli): Command =>
  addListOptions(
    new Command("deliveries")
      .description("list the deliveries of a change, or show one with its attempts")
      .argument("<id>", "a change's id, or a delivery's")
      .addOption(new Option("--status <status>", "only these").choices(DELIVERY_STATUSES))
      .addOption(new Option("--channel <channel>", "only these").choices(CHANNELS))
      .option("--partner <id>", "only to this partner"),
  )
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, { status, channel, partner, ...options }: Filters) => {
      if (isDelivery(id)) return showDelivery(cli, id, options);
      const { terminal } = cli;
      await printList<DeliveryRow>(cli, {
        path: `/v1/changes/${encodeURIComponent(id)}/deliveries`,
        query: { status, channel, partner },
        options,
        columns: [
          { title: "delivery", of: (row) => printable(row.delivery), cut: true },
          { title: "partner", of: (row) => printable(row.partner) },
          { title: "channel", of: (row) => row.channel },
          { title: "status", of: (row) => painted(terminal, row.status) },
          { title: "due (UTC)", of: (row) => moment(row.dueAt) },
          { title: "sent (UTC)", of: (row) => moment(row.sentAt) },
          { title: "tries", of: (row) => row.attempts, align: "right" },
          { title: "reason", of: (row) => printable(row.reason ?? "") },
        ],
        empty: "no deliveries",
        // The list of a partner who never was is as empty as that of one who was not told.
        whenEmpty: async () => partner && cli.client().get(`/v1/partners/${encodeURIComponent(partner)}`),
      });
    });

const showDelivery = async (cli: Cli, id: string, options: JsonOption): Promise<void> => {
  const delivery = await cli.client().get<DeliveryView>(`/v1/deliveries/${encodeURIComponent(id)}`);
  cli.terminal.answer(options, delivery, () => deliveryView(cli.terminal, delivery));
};
