import type { Change, Difference } from "./change.ts";
import type { Audience, NoticeKind } from "./notice.ts";

/**
 * Which notices of older revisions that are not done a plan takes the place of; `ahead` means not yet due when the
 * new revision was accepted.
 *
 * - `all`: the new notices say everything anew.
 * - `ahead`: what is due goes on; nothing that lies ahead is wanted, or the new plan has it again.
 * - `ahead-and-announcements`: likewise, but announcements are said again, to whoever is still untold.
 */
export type Supersession = "all" | "ahead" | "ahead-and-announcements";

/** What is known of a revision when its turn is looked up. */
export type TurnFacts = {
  change: Change;
  previous: Change | null;
  differs: Difference;
  minor: boolean;
  /** Whether the change's category tells anybody of anything, now and before this revision. */
  speaks: boolean;
  spoke: boolean;
};

/** What a revision did to its change, and who hears of it at once. */
export type Turn = {
  turn: string;
  when: (facts: TurnFacts) => boolean;
  /** Due at acceptance; what folds, folds into the first. */
  now: readonly (readonly [NoticeKind, Audience])[];
  /** Whether reminders are planned anew. */
  reminds: boolean;
  supersedes: Supersession;
};

const UNTOLD = ["announcement", "untold"] as const;

/**
 * In order: the first row that fits is the revision's turn. Dates come before categories, because the notice of a moved
 * date is never muted; only an edit can be minor.
 */
const TURNS: readonly Turn[] = [
  {
    turn: "recorded",
    when: ({ speaks, spoke }) => !speaks && !spoke,
    now: [],
    reminds: false,
    supersedes: "ahead",
  },
  {
    turn: "still cancelled",
    when: ({ change, previous }) => change.status === "cancelled" && (previous?.status ?? "cancelled") === "cancelled",
    now: [],
    reminds: false,
    supersedes: "ahead",
  },
  {
    turn: "cancelled",
    when: ({ change }) => change.status === "cancelled",
    now: [["cancelled", "told"]],
    reminds: false,
    supersedes: "all",
  },
  {
    turn: "announced",
    when: ({ previous }) => previous === null,
    now: [["announcement", "all"]],
    reminds: true,
    supersedes: "all",
  },
  {
    turn: "hushed",
    when: ({ speaks }) => !speaks,
    now: [["reclassified", "told"]],
    reminds: false,
    supersedes: "all",
  },
  {
    turn: "released",
    when: ({ change, previous }) => change.status === "released" && previous?.status !== "released",
    now: [["released", "told"]],
    reminds: false,
    supersedes: "ahead",
  },
  {
    turn: "raised",
    when: ({ spoke }) => !spoke,
    now: [UNTOLD, ["reclassified", "told"]],
    reminds: true,
    supersedes: "all",
  },
  {
    turn: "moved",
    when: ({ differs }) => "releaseAt" in differs,
    now: [["rescheduled", "told"], UNTOLD],
    reminds: true,
    supersedes: "all",
  },
  {
    turn: "reclassified",
    when: ({ differs }) => "category" in differs,
    now: [["reclassified", "told"], UNTOLD],
    reminds: true,
    supersedes: "all",
  },
  {
    turn: "amended",
    when: ({ differs, minor }) => !minor && Object.keys(differs).length > 0,
    now: [["amended", "told"], UNTOLD],
    reminds: true,
    supersedes: "all",
  },
  {
    turn: "touched",
    when: () => true,
    now: [UNTOLD],
    reminds: true,
    supersedes: "ahead-and-announcements",
  },
];

/** The turn that a revision takes. */
export const turnOf = (facts: TurnFacts): Turn => {
  const turn = TURNS.find(({ when }) => when(facts));
  if (turn === undefined) throw new Error("the last turn fits every revision");
  return turn;
};
