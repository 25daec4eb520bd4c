import { Command } from "commander";
import type { Verdict } from "../domain/verdict.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { askPauseLines } from "./pause-lines.ts";
import { table } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { counted } from "../counted.ts";
import { moment, noticeName, painted, verdictSentence } from "./words.ts";

type Counts = Record<string, number>;
type NoticeRow = {
  id: string;
  kind: string;
  offset: string | null;
  lane: string;
  dueAt: string;
  status: string;
  revision: number | null;
  counts?: { email?: Counts; webhook?: Counts };
};
type RevisionRow = { revision: number; at: string; event: unknown; differs: Record<string, unknown> | null };
type ChangeView = {
  change: string;
  revision: number;
  status: string;
  category: string;
  service: string;
  businessCritical: boolean;
  title: string;
  summary?: string;
  action?: string;
  releaseAt?: string;
  testFrom?: string;
  contact?: string;
  verdict: Verdict | null;
  unreachable?: { count: number; partners: string[] };
  notices: NoticeRow[];
  revisions: RevisionRow[];
};

/** Partners named on one line; `forewarn proof` has them all. */
const NAMED = 10;

const EXAMPLES = `
Examples:
  $ forewarn change CHG-1042
  $ forewarn change CHG-1042 --all
  $ forewarn change CHG-1042 --json`;

/** `12 sent, 1 waiting` of one channel. */
const countsSentence = (counts: Counts | undefined): string =>
  Object.entries(counts ?? {})
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`)
    .join(", ");

/** States in which a notice of an earlier revision says nothing any more. */
const ENDED = ["superseded", "cancelled", "folded"];

/** What still matters: the latest revision's own notices, and those of earlier ones that go on or told somebody. */
const isLive = ({ revision, status, counts }: NoticeRow, latest: number): boolean =>
  revision === latest ||
  (!ENDED.includes(status) &&
    (status !== "done" || `${countsSentence(counts?.email)}${countsSentence(counts?.webhook)}` !== ""));

/** The notices that are live, or all of them, and how many are left out. */
const noticesTable = (terminal: Terminal, { change, revision, notices }: ChangeView, all: boolean): string => {
  const shown = all ? notices : notices.filter((notice) => isLive(notice, revision));
  const ended = notices.length - shown.length;
  const more =
    ended === 0
      ? ""
      : `\n${terminal.paint("dim", `${counted(ended, "notice")} of earlier revisions ended; forewarn change ${printable(change)} --all`)}`;
  return (
    table(
      terminal,
      [
        { title: "due (UTC)", of: (notice) => moment(notice.dueAt) },
        { title: "notice", of: noticeName },
        { title: "rev", of: (notice) => notice.revision, align: "right" },
        { title: "lane", of: (notice) => notice.lane },
        { title: "status", of: (notice) => painted(terminal, notice.status) },
        { title: "mails", of: (notice) => countsSentence(notice.counts?.email) },
        { title: "webhooks", of: (notice) => countsSentence(notice.counts?.webhook), cut: true },
      ],
      shown,
      "no notices: it appears in the change log",
    ) + more
  );
};

/** Who cannot be told, by name as far as a line goes; nothing where everyone can. */
const unreachableLines = (terminal: Terminal, { count, partners }: { count: number; partners: string[] }): string[] => {
  if (count === 0) return [];
  const named = partners.slice(0, NAMED).map(printable).join(", ");
  const more = count > NAMED ? ` and ${count - NAMED} more` : "";
  return [terminal.paint("red", `no endpoint reaches ${counted(count, "partner")}: ${named}${more}`)];
};

const changeView = (
  terminal: Terminal,
  it: ChangeView,
  { paused, all }: { paused: readonly string[]; all: boolean },
): string => {
  const facts: [string, string | undefined][] = [
    ["category", `${painted(terminal, it.category)}${it.businessCritical ? ", business critical" : ""}`],
    ["service", it.service],
    ["release", it.releaseAt && moment(it.releaseAt)],
    ["test from", it.testFrom && moment(it.testFrom)],
    ["summary", it.summary],
    ["action", it.action],
    ["contact", it.contact],
  ];
  return [
    `${terminal.paint("bold", printable(it.change))}  ${printable(it.title)}`,
    `${terminal.paint("dim", `revision ${it.revision}`)}  ${painted(terminal, it.status)}`,
    ...paused,
    ...unreachableLines(terminal, it.unreachable ?? { count: 0, partners: [] }),
    "",
    ...facts.flatMap(([name, fact]) =>
      fact ? [`${name.padEnd(10)}${fact.startsWith("\u001b") ? fact : printable(fact)}`] : [],
    ),
    `verdict   ${verdictSentence(terminal, it.verdict)}`,
    "",
    noticesTable(terminal, it, all),
    "",
    table(
      terminal,
      [
        { title: "revision", of: (row) => row.revision, align: "right" },
        { title: "accepted (UTC)", of: (row) => moment(row.at) },
        { title: "changed", of: (row) => printable(Object.keys(row.differs ?? {}).join(", ")), cut: true },
      ],
      it.revisions,
      "no revisions",
    ),
  ].join("\n");
};

/** `forewarn change <id>`: one change with its verdict, notices and revisions. */
export const changeCommand = (cli: Cli): Command =>
  new Command("change")
    .description("show one change: its verdict, notices and revisions")
    .argument("<id>", "the change's id")
    .option("--all", "notices of earlier revisions that ended, too")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, options: JsonOption & { all?: boolean }) => {
      const change = await cli.client().get<ChangeView>(`/v1/changes/${encodeURIComponent(id)}`);
      const paused = options.json ? [] : await askPauseLines(cli, id);
      cli.terminal.answer(options, change, () =>
        changeView(cli.terminal, change, { paused, all: options.all === true }),
      );
    });
