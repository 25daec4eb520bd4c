import { counted, painted } from "../cli/words.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Screen } from "./screen.ts";
import type { Scene, Story, Tempo } from "./story.ts";
import { offsetWords, whenWords } from "./tempo-words.ts";

export type PlannedLine = { kind: string; offset: string | null; dueAt: string; status: string };
type Told = { verdict: Verdict | null; notices: readonly PlannedLine[] };
type Frame = { screen: Screen; tempo: Tempo; origin: Date };

const COLUMN = 11;
const cell = (text: string): string => text.padEnd(COLUMN);

/** Notices without an offset, as a column's heading. */
const NOW = "now";

const verdictWords = ({ screen, tempo, origin }: Frame, verdict: Verdict | null): string => {
  if (!verdict || verdict.status === "none") return screen.paint("dim", "no notice demanded");
  const days =
    tempo.kind === "calendar" && verdict.noticeDays !== null ? `, ${counted(verdict.noticeDays, "day")} ahead` : "";
  const lawful =
    verdict.status === "short" && verdict.earliestRelease
      ? screen.paint("dim", `, earliest lawful release ${whenWords(verdict.earliestRelease, { tempo, origin })}`)
      : "";
  return `${painted(screen, verdict.status)}${days}${lawful}`;
};

/** Two lines: what is told when, and the release; empty where nothing is told. */
const dates = (frame: Frame, notices: readonly PlannedLine[], release: unknown): string[] => {
  const planned = notices.filter((notice) => notice.status === "planned");
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
  { story, scene, told }: { story: Story; scene: Scene; told: Told },
): string[] => {
  const { screen } = frame;
  const { category, businessCritical, releaseAt } = { ...story.scenes[0]?.fields, ...scene.fields } as Record<
    string,
    unknown
  >;
  const kind = `${painted(screen, String(category))}${businessCritical === true && category === "major" ? " business critical" : ""}`;
  return [
    `${screen.paint("bold", story.change)}  ${scene.reason ?? `${story.provider}: ${story.title}`}`,
    `  ${kind} · ${verdictWords(frame, told.verdict)}${story.remark && !scene.reason ? screen.paint("dim", ` · ${story.remark}`) : ""}`,
    ...dates(frame, told.notices, releaseAt).map((line) => `  ${line}`),
    "",
  ];
};

/** The policy's honest answer to what it cannot plan from. */
export const refusedBlock = (
  { screen }: Frame,
  { story, faults }: { story: Story; faults: readonly string[] },
): string[] => [
  `${screen.paint("bold", story.change)}  ${story.provider}: ${story.title}`,
  ...faults.map((fault) => `  ${screen.paint("red", "refused:")} ${fault}`),
  "",
];
