import { counted } from "../cli/words.ts";
import { CHANNELS, type Channel } from "../domain/category.ts";
import type { Progress } from "./ledger-watch.ts";
import type { Screen } from "./screen.ts";
import type { Tempo } from "./story.ts";
import { offsetWords } from "./tempo-words.ts";

const UNITS: Record<Channel, string> = { email: "mail", webhook: "webhook" };
const TROUBLE = ["failed", "suppressed"] as const;

const settled = ({ fannedOut, counts }: Progress): boolean =>
  fannedOut && CHANNELS.every((channel) => counts[channel].waiting === 0);

const recipients = ({ counts }: Progress): number =>
  CHANNELS.reduce((sum, channel) => sum + Object.values(counts[channel]).reduce((a, b) => a + b, 0), 0);

/** `9 mails   7 webhooks`, what went wrong in red. */
const countsWords = (screen: Screen, { counts }: Progress): string =>
  CHANNELS.map((channel) => {
    const trouble = TROUBLE.flatMap((status) =>
      counts[channel][status] > 0 ? [`${counts[channel][status]} ${status}`] : [],
    );
    const sent = counted(counts[channel].sent, UNITS[channel]).padStart(11);
    return trouble.length > 0 ? `${sent} ${screen.paint("red", trouble.join(", "))}` : sent;
  }).join(" ");

/** From the moment it was due to the last partner told, by the ledger's times. */
const tookWords = ({ dueAt, lastSentAt }: Progress): string => {
  const ms = lastSentAt ? Math.max(0, lastSentAt.getTime() - dueAt.getTime()) : 0;
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
};

const line = (screen: Screen, tempo: Tempo, notice: Progress): string => {
  const kind = notice.offset ? `${notice.kind} ${offsetWords(notice.offset, tempo)}` : notice.kind;
  const name = notice.lane === "urgent" ? screen.paint("red", kind.padEnd(20)) : kind.padEnd(20);
  const sentAt = (notice.lastSentAt ?? notice.dueAt).toISOString().slice(11, 19);
  return `${screen.paint("dim", sentAt)}  ${notice.change.padEnd(30)} ${name} ${countsWords(screen, notice)}  ${screen.paint("dim", tookWords(notice).padStart(7))}`;
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
