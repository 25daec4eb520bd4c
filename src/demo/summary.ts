import { table } from "../cli/table.ts";
import { counted } from "../counted.ts";
import { CHANNELS } from "../domain/category.ts";
import { DELIVERY_STATUSES } from "../domain/delivery.ts";
import type { Audit } from "./audit.ts";
import type { Progress } from "./ledger-watch.ts";
import type { Screen } from "./screen.ts";
import type { Tempo } from "./story.ts";
import { whenWords } from "./tempo-words.ts";

const DATES_SHOWN = 8;
const FAULTS_SHOWN = 10;

const terminalOf = (screen: Screen) => ({ paint: screen.paint, width: null });
const LABELS = { email: "mails", webhook: "webhooks" } as const;

const deliveriesTable = (screen: Screen, progress: readonly Progress[]): string => {
  const total = (channel: (typeof CHANNELS)[number], status: (typeof DELIVERY_STATUSES)[number]): number =>
    progress.reduce((sum, notice) => sum + notice.counts[channel][status], 0);
  return table(
    terminalOf(screen),
    [
      { title: "", of: (channel: (typeof CHANNELS)[number]) => LABELS[channel] },
      ...DELIVERY_STATUSES.map((status) => ({
        title: status,
        of: (channel: (typeof CHANNELS)[number]) => total(channel, status),
        align: "right" as const,
      })),
    ],
    CHANNELS,
    "",
  );
};

/** What is still ahead, by day: `10 Feb 2027  3 notices`. */
const aheadLines = (progress: readonly Progress[], { tempo, origin }: { tempo: Tempo; origin: Date }): string[] => {
  const days = new Map<string, number>();
  for (const notice of progress)
    if (notice.status === "planned" || (notice.status === "sending" && !notice.owing)) {
      const day = whenWords(notice.dueAt.toISOString(), { tempo, origin });
      days.set(day, (days.get(day) ?? 0) + 1);
    }
  const all = [...days].map(([day, count]) => `${day.padEnd(14)}${counted(count, "notice")}`);
  const rest = all.length - DATES_SHOWN;
  return rest > 0
    ? [...all.slice(0, DATES_SHOWN), `and on ${counted(rest, "later date")}, the last ${[...days.keys()].at(-1)}`]
    : all;
};

const auditLines = (screen: Screen, { sent, arrived, faults }: Audit): string[] =>
  faults.length === 0
    ? [
        screen.paint(
          "green",
          `✔ all that was due has arrived: ${arrived.email} of ${counted(sent.email, "mail")}, ${arrived.webhook} of ${counted(sent.webhook, "webhook")}, every signature valid`,
        ),
      ]
    : [
        screen.paint("red", `✘ ${counted(faults.length, "fault")}`),
        ...faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${fault}`),
        ...(faults.length > FAULTS_SHOWN ? [`  and ${faults.length - FAULTS_SHOWN} more`] : []),
      ];

/** Where the run stands: notices, deliveries, what waits for which date, and whether the receivers agree with the ledger. */
export const summary = (
  screen: Screen,
  { progress, audit, tempo, origin }: { progress: readonly Progress[]; audit: Audit; tempo: Tempo; origin: Date },
): void => {
  const live = progress.filter((notice) => !["superseded", "cancelled", "folded"].includes(notice.status));
  const due = live.filter((notice) => notice.due || notice.owing);
  const done = due.filter(
    (notice) => notice.fannedOut && CHANNELS.every((channel) => notice.counts[channel].waiting === 0),
  );
  screen.heading("Summary");
  screen.say(
    `${counted(progress.length, "notice")} planned: ${due.length} due, ${done.length} sent, ${live.length - due.length} waiting, ${progress.length - live.length} superseded or folded`,
    "",
    ...deliveriesTable(screen, progress).split("\n"),
    "",
  );
  const ahead = aheadLines(progress, { tempo, origin });
  if (ahead.length > 0) screen.say("Waiting for", ...ahead.map((entry) => `  ${entry}`), "");
  screen.say(...auditLines(screen, audit));
};
