import { Command, Option } from "commander";
import type { PartnerProof, ProofHead, ProofTotals } from "../flow/prove.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { verifySeals } from "./verify-seals.ts";
import { counted } from "../counted.ts";
import { moment, painted } from "./words.ts";

type ProofAnswer = ProofHead & { partners: PartnerProof[]; totals: ProofTotals };
type Options = JsonOption & { csv?: boolean; verify?: boolean };

const EXAMPLES = `
Examples:
  $ forewarn proof CHG-1042
  $ forewarn proof CHG-1042 --csv > proof.csv
  $ forewarn proof --verify`;

/** What wants attention comes first. */
const ORDER: readonly PartnerProof["obligation"][] = ["breached", "pending", "waived", "met"];

const aheadOf = ({ noticeDays, noticeMonths }: PartnerProof): string =>
  noticeDays === null ? "" : `${counted(noticeDays, "day")} (${counted(noticeMonths ?? 0, "month")})`;

const notesOf = ({ reason, unreachable, closed = [], acknowledgement, waiver }: PartnerProof): string =>
  [
    reason,
    unreachable && !reason?.startsWith("unreachable") ? "unreachable" : undefined,
    ...closed.map(({ endpoint, channel, status }) => `${channel} ${endpoint} ${status}`),
    acknowledgement && `${acknowledgement.status} by ${acknowledgement.by}`,
    waiver && `waived by ${waiver.by}: ${waiver.reason}`,
  ]
    .filter((note) => note !== undefined)
    .join("; ");

const totalsLine = ({ partners, unreachable, ...byObligation }: ProofTotals): string =>
  [
    counted(partners, "partner"),
    ...ORDER.flatMap((name) => (byObligation[name] > 0 ? [`${byObligation[name]} ${name}`] : [])),
    ...(unreachable > 0 ? [`${unreachable} unreachable`] : []),
  ].join(", ");

const proofView = (terminal: Terminal, it: ProofAnswer): string =>
  [
    `${terminal.paint("bold", printable(it.change))}  ${printable(it.title)}`,
    `${terminal.paint("dim", `revision ${it.revision}`)}  release ${moment(it.releaseAt) || "undated"}  minimum ${it.minimum ?? "none"}`,
    "",
    totalsLine(it.totals),
    "",
    table(
      terminal,
      [
        { title: "partner", of: (row) => printable(row.partner) },
        { title: "obligation", of: (row) => painted(terminal, row.obligation) },
        { title: "told (UTC)", of: (row) => moment(row.toldAt) },
        { title: "by", of: (row) => row.channel },
        { title: "known as", of: (row) => row.rung },
        { title: "ahead", of: aheadOf, align: "right" },
        { title: "notes", of: (row) => printable(notesOf(row)), cut: true },
      ],
      it.partners.toSorted((a, b) => ORDER.indexOf(a.obligation) - ORDER.indexOf(b.obligation)),
      "it concerns no partner",
    ),
    "",
    it.seal
      ? terminal.paint("dim", `sealed up to ${moment(it.seal.through)} UTC by seal ${it.seal.no}, ${it.seal.seal}`)
      : terminal.paint("dim", "not sealed yet"),
  ].join("\n");

/** `forewarn proof <id>`: who was told when, and how we know; `--verify` checks the seals over the ledger behind it. */
export const proofCommand = (cli: Cli): Command =>
  new Command("proof")
    .description("prove who was told when; check that nobody altered it since")
    .argument("[id]", "the change's id")
    .addOption(new Option("--csv", "print a row a partner as CSV").conflicts("json"))
    .option("--verify", "recompute the seals over the ledger; fails when a row was altered")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (id: string | undefined, { csv, verify, ...options }: Options) => {
      if (id === undefined && !verify)
        throw new CommandFailure(
          EXIT.usage,
          "name a change, or check the seals with --verify; see forewarn proof --help",
        );
      if (id !== undefined) {
        const path = `/v1/changes/${encodeURIComponent(id)}/proof`;
        if (csv) cli.terminal.print((await cli.client().text(`${path}.csv`)).trimEnd());
        else {
          const proof = await cli.client().get<ProofAnswer>(path);
          cli.terminal.answer(options, proof, () => proofView(cli.terminal, proof));
        }
      }
      if (verify) await verifySeals(cli, { ...options, quiet: id !== undefined && (csv || options.json) });
    });
