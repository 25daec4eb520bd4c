import { counted } from "../counted.ts";
import { CHANNELS, type Channel } from "../domain/category.ts";
import type { Progress } from "./ledger-watch.ts";
import type { Screen } from "./screen.ts";
import type { Tempo } from "./story.ts";
import { offsetWords } from "./tempo-words.ts";

const UNITS: Record<Channel, string> = { email: "mail", webhook: "webhook" };
const WIDTHS: Record<Channel, number> = { email: 8, webhook: 11 };
/** What else a delivery may have come to, and how it is said. */
const OTHERWISE = { failed: "red", suppressed: "red", skipped: "dim" } as const;

const settled = ({ fannedOut, counts }: Progress): boolean =>
  fannedOut && CHANNELS.every((channel) => counts[channel].waiting === 0);

const recipients = ({ counts }: Progress): number =>
  CHANNELS.reduce((sum, channel) => sum + Object.values(counts[channel]).reduce((a, b) => a + b, 0), 0);

/** `9 mails  7 webhooks`, and in its own colour what was not sent. */
const countsWords = ({ counts }: Progress): string =>
  CHANNELS.map((channel) => counted(counts[channel].sent, UNITS[channel]).padStart(WIDTHS[channel])).join(" ");

const otherwiseWords = (screen: Screen, { counts }: Progress): string =>
  (Object.keys(OTHERWISE) as (keyof typeof OTHERWISE)[])
    .map((status) => ({ status, count: counts.email[status] + counts.webhook[status] }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => screen.paint(OTHERWISE[status], `  ${count} ${status}`))
    .join("");

/** From the moment it was due to the last partner told, by the ledger's times. */
const tookWords = ({ dueAt, lastSentAt }: Progress): string => {
  if (!lastSentAt) return "";
  const ms = Math.max(0, lastSentAt.getTime() - dueAt.getTime());
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
};

const line = (screen: Screen, tempo: Tempo, notice: Progress): string => {
  // A reminder goes by its offset: there are many of them, and a line has a hundred columns.
  const kind = (notice.offset ? offsetWords(notice.offset, tempo) : notice.kind).padEnd(12);
  const name = notice.lane === "urgent" ? screen.paint("red", kind) : kind;
  const sentAt = (notice.lastSentAt ?? notice.dueAt).toISOString().slice(11, 19);
  const took = screen.paint("dim", tookWords(notice).padStart(7));
  return `${screen.paint("dim", sentAt)}  ${notice.change.padEnd(31)} ${name} ${countsWords(notice)}  ${took}${otherwiseWords(screen, notice)}`;
};

/** Says each notice once, when all of its deliveries are settled; a notice for nobody is passed over. */
export const makeTimeline = (screen: Screen, tempo: Tempo) => {
  const said = new Set<string>();
  return (progress: readonly Progress[]): void => {
    const news = progress.filter((notice) => !said.has(notice.id) && settled(notice));
    news.sort((a, b) => (a.lastSentAt ?? a.dueAt).getTime() - (b.lastSentAt ?? b.dueAt).getTime());
    for (const notice of news) {
      said.add(notice.id);
      if (recipients(notice) > 0) screen.say(line(screen, tempo, notice));
    }
  };
};
