import { counted } from "../counted.ts";
import { painted } from "../cli/words.ts";
import type { Verdict } from "../domain/verdict.ts";
import { cut, type Screen, wrapped } from "./screen.ts";
import type { Scene, Story, Tempo } from "./story.ts";
import { offsetWords, whenWords } from "./tempo-words.ts";

export type PlannedLine = { kind: string; offset: string | null; dueAt: string; status: string };
type Told = { verdict: Verdict | null; notices: readonly PlannedLine[] };
type Frame = { screen: Screen; tempo: Tempo; origin: Date };

const COLUMN = 11;
const cell = (text: string): string => text.padEnd(COLUMN);

/** Notices without an offset, as a column's heading. */
const NOW = "now";
/** A plan may have begun to go out by the time it is shown. */
const AHEAD: readonly string[] = ["planned", "sending", "done"];
const REFUSED = "refused: ";

const verdictWords = ({ screen, tempo, origin }: Frame, verdict: Verdict | null): string => {
  if (!verdict || verdict.status === "none") return screen.paint("dim", "no minimum notice");
  const { noticeDays, noticeMonths } = verdict;
  const ahead =
    tempo.kind === "calendar" && noticeDays !== null
      ? `, ${counted(noticeDays, "day")} (${counted(noticeMonths ?? 0, "month")}) ahead`
      : "";
  const lawful =
    verdict.status === "short" && verdict.earliestRelease
      ? screen.paint("dim", `, earliest lawful release ${whenWords(verdict.earliestRelease, { tempo, origin })}`)
      : "";
  return `${painted(screen, verdict.status)}${ahead}${lawful}`;
};

/** Two lines: what is told when, and the release; empty where nothing is told. */
const dates = (frame: Frame, notices: readonly PlannedLine[], release: unknown): string[] => {
  const planned = notices.filter((notice) => AHEAD.includes(notice.status));
  const seen = new Set<string>();
  const columns = planned.flatMap((notice) => {
    const title = notice.offset ? offsetWords(notice.offset, frame.tempo) : NOW;
    if (seen.has(title)) return [];
    seen.add(title);
    return [{ title, when: whenWords(notice.dueAt, frame) }];
  });
  if (columns.length === 0)
    return [frame.screen.paint("dim", "told to nobody: it appears in the change log and the feeds")];
  if (typeof release === "string") columns.push({ title: "release", when: whenWords(release, frame) });
  return [
    frame.screen.paint(
      "dim",
      columns
        .map(({ title }) => cell(title))
        .join("")
        .trimEnd(),
    ),
    columns
      .map(({ when }) => cell(when))
      .join("")
      .trimEnd(),
  ];
};

/** What the policy made of a scene: category, verdict, and the plan as a small table of dates. */
export const changeBlock = (
  frame: Frame,
  { story, scene, told, byQueue }: { story: Story; scene: Scene; told: Told; byQueue: boolean },
): string[] => {
  const { screen } = frame;
  const by = byQueue ? screen.paint("dim", " · came in by the queue") : "";
  const { category, businessCritical, releaseAt } = { ...story.scenes[0]?.fields, ...scene.fields } as Record<
    string,
    unknown
  >;
  const kind = `${painted(screen, String(category))}${businessCritical === true && category === "major" ? " business critical" : ""}`;
  return [
    headline(frame, story, scene.reason ?? `${story.provider}: ${story.title}`),
    `  ${kind} · ${verdictWords(frame, told.verdict)}${by}${story.remark && !scene.reason ? screen.paint("dim", ` · ${story.remark}`) : ""}`,
    ...dates(frame, told.notices, releaseAt).map((line) => `  ${line}`),
  ];
};

const headline = ({ screen }: Frame, { change }: Story, text: string): string =>
  `${screen.paint("bold", change)}  ${cut(text, screen.width - change.length - 2)}`;

/** The policy's honest answer to what it cannot plan from. */
export const refusedBlock = (
  frame: Frame,
  { story, faults }: { story: Story; faults: readonly string[] },
): string[] => {
  const { screen } = frame;
  const lines = faults.flatMap((fault) => wrapped(fault, screen.width - REFUSED.length - 2));
  return [
    headline(frame, story, `${story.provider}: ${story.title}`),
    ...lines.map((line, at) => `  ${at === 0 ? screen.paint("red", REFUSED) : " ".repeat(REFUSED.length)}${line}`),
  ];
};
