import { Command } from "commander";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { json } from "./client.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { table } from "./table.ts";
import { printable } from "./terminal.ts";
import { counted } from "../counted.ts";
import { moment, noticeName } from "./words.ts";

type Missed = { notice: string; change: string; kind: string; dueAt: string };
type EndpointReplay = { endpoint: string; since: string; notices: Missed[] };
type DeliveryView = { delivery: string; status: string; channel: string; partner: string };
type Options = JsonOption & { endpoint?: string; since?: string };

const EXAMPLES = `
A delivery keeps its ids, so that the receiver can tell that it has had it; one that was sent stays sent. An endpoint
is sent the newest notice of each open change that it missed; reminders that later ones overtook are not repeated.

Examples:
  $ forewarn replay CHG-1042.r1.announcement.ep_7
  $ forewarn replay --endpoint ep_7 --since 2027-03-01T00:00:00Z`;

const usage = (sentence: string): CommandFailure => new CommandFailure(EXIT.usage, sentence);

const replayDelivery = async (cli: Cli, id: string, options: Options): Promise<void> => {
  const path = `/v1/deliveries/${encodeURIComponent(id)}/replay`;
  const { body } = await cli.client().send<DeliveryView>("POST", path);
  cli.terminal.answer(
    options,
    body,
    () => `${printable(body.delivery)} goes out again to ${printable(body.partner)} by ${body.channel}`,
  );
};

const replayEndpoint = async (cli: Cli, endpoint: string, since: string, options: Options): Promise<void> => {
  const path = `/v1/endpoints/${encodeURIComponent(endpoint)}/replay`;
  const { body } = await cli.client().send<EndpointReplay>("POST", path, json({ since }));
  cli.terminal.answer(options, body, () => {
    if (body.notices.length === 0)
      return `${endpoint} missed nothing that still matters since ${moment(body.since)} UTC`;
    const rows = table(
      cli.terminal,
      [
        { title: "change", of: (row) => printable(row.change) },
        { title: "notice", of: (row) => noticeName({ kind: row.kind, offset: null }) },
        { title: "was due (UTC)", of: (row) => moment(row.dueAt) },
      ],
      body.notices,
      "",
    );
    return `${counted(body.notices.length, "notice")} go${body.notices.length === 1 ? "es" : ""} out to ${endpoint}:\n${rows}`;
  });
};

/** `forewarn replay <delivery>`, `forewarn replay --endpoint <id> --since <time>`. */
export const replayCommand = (cli: Cli): Command =>
  new Command("replay")
    .description("send a delivery again, or what an endpoint missed")
    .argument("[delivery]", "a delivery's id")
    .option("--endpoint <id>", "send this endpoint what it missed")
    .option("--since <time>", "… and was due since then")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (delivery: string | undefined, options: Options) => {
      const { endpoint, since } = options;
      if ((delivery === undefined) === (endpoint === undefined))
        throw usage("give either a delivery or --endpoint; see forewarn replay --help");
      if (endpoint === undefined && since !== undefined) throw usage("--since goes with --endpoint");
      if (delivery !== undefined) return replayDelivery(cli, delivery, options);
      if (endpoint === undefined || since === undefined)
        throw usage("--endpoint needs --since, a time such as 2027-03-01T00:00:00Z");
      await replayEndpoint(cli, endpoint, since, options);
    });
