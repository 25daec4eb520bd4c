import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parseReleaseAt } from "../../src/domain/calendar.ts";
import { CATEGORIES } from "../../src/domain/category.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { planNotices } from "../../src/domain/plan.ts";
import { z } from "zod";
import { announcedAs, inShort, revisedTo } from "../support/changes.ts";

const sample = z.object({
  changes: z.array(
    z.object({
      id: z.string(),
      category: z.enum(CATEGORIES),
      businessCritical: z.boolean(),
      announced: z.string().nullable(),
      effective: z.string(),
      moves: z.array(z.object({ on: z.string().nullable(), to: z.string() })),
    }),
  ),
});

const { changes } = sample.parse(
  JSON.parse(readFileSync(new URL("../../sample/real-changes.json", import.meta.url), "utf8")),
);

const partsOf = ({ category, businessCritical, effective }: (typeof changes)[number]) => ({
  category,
  critical: businessCritical,
  releaseAt: effective,
});

/** Announced at ten in the morning, UTC, of the day that the provider announced it. */
const planOf = (id: string): Plan => {
  const change = changes.find((one) => one.id === id);
  assert.ok(change?.announced, `${id} is announced`);
  const acceptedAt = `${change.announced}T10:00:00.000Z`;
  return planNotices(announcedAs({ ...partsOf(change), dateSince: acceptedAt }, { acceptedAt }));
};

/** Counted by hand on a calendar: status, days, months, days short, earliest lawful release. */
const VERDICTS: Record<string, readonly [string, number, number, number, string | null]> = {
  "withings-oauth2-token": ["met", 169, 5, 0, "2021-06-16"],
  "slack-files-upload": ["met", 336, 11, 0, "2024-07-09"],
  "atlassian-jira-search": ["met", 182, 6, 0, "2025-01-31"],
  "atlassian-webhook-https": ["met", 153, 5, 0, "2018-08-31"],
  "twilio-voice-feedback": ["short", 4, 0, 27, "2024-01-27"],
  "twilio-cert-2024": ["none", 35, 1, 0, null],
  "hubspot-pipelines-v1": ["met", 112, 3, 0, "2026-11-14"],
  "hubspot-public-contact": ["met", 69, 2, 0, "2018-11-12"],
  "hubspot-https": ["met", 47, 1, 0, "2018-11-18"],
  "pipedrive-users-two": ["met", 35, 1, 0, "2020-12-23"],
  "pipedrive-permsets": ["short", 18, 0, 13, "2021-08-08"],
  "pipedrive-access-level": ["short", 0, 0, 30, "2019-10-17"],
  "pipedrive-note-limit": ["met", 62, 2, 0, "2025-08-21"],
  "pipedrive-tls": ["short", 47, 1, 43, "2019-03-05"],
  "sourcify-v1": ["met", 78, 2, 0, "2026-05-13"],
  "shopify-app-bridge": ["met", 365, 12, 0, "2024-11-15"],
  "bring-tls-2025": ["none", 31, 1, 0, null],
  "zendesk-user-export": ["short", 0, 0, 30, "2025-07-27"],
  "zendesk-legacy-objects": ["met", 192, 6, 0, "2025-10-07"],
  "github-ssh-rsa-host-key": ["none", 0, 0, 0, null],
  "letsencrypt-caa-revocation": ["none", 4, 0, 0, null],
  "letsencrypt-tls-alpn-revocation": ["none", 2, 0, 0, null],
};

suite("real changes through the default policy", () => {
  test("every one with an announcement and a date has a verdict counted by hand", () =>
    assert.deepEqual(
      changes
        .filter(({ announced, effective }) => announced !== null && parseReleaseAt(effective).ok)
        .map(({ id }) => id)
        .toSorted(),
      Object.keys(VERDICTS).toSorted(),
    ));

  for (const [id, expected] of Object.entries(VERDICTS))
    test(`${id} is ${expected[0]}`, () => {
      const { verdict } = planOf(id);
      assert.deepEqual(
        [verdict.status, verdict.noticeDays, verdict.noticeMonths, verdict.shortByDays, verdict.earliestRelease],
        expected,
      );
    });

  test("a season is no release date", () => {
    const refused = changes.filter(({ effective }) => !parseReleaseAt(effective).ok);
    assert.deepEqual(
      refused.map(({ id }) => id),
      ["salesforce-21-30"],
    );
    assert.deepEqual(
      changes.flatMap(({ moves }) => moves.filter(({ to }) => !parseReleaseAt(to).ok)).map(({ to }) => to),
      ["Summer '25"],
    );
  });

  test("HubSpot's pipelines are reminded of six times, at 09:00 in Paris in summer as in winter", () =>
    assert.deepEqual(
      planOf("hubspot-pipelines-v1").notices.map(({ dueAt }) => dueAt),
      [
        "2026-08-14T10:00:00.000Z",
        "2026-09-04T07:00:00.000Z",
        "2026-10-04T07:00:00.000Z",
        "2026-11-04T08:00:00.000Z",
        "2026-11-20T08:00:00.000Z",
        "2026-11-27T08:00:00.000Z",
        "2026-12-03T08:00:00.000Z",
      ],
    ));

  test("eighteen days leave room for three of Pipedrive's reminders", () =>
    assert.deepEqual(inShort(planOf("pipedrive-permsets").notices), [
      "(reminder-P1M)",
      "announcement all",
      "reminder-P14D",
      "reminder-P7D",
      "reminder-P1D",
    ]));

  test("GitHub's key is announced at once on the urgent lane, Let's Encrypt's with a reminder the day before", () => {
    assert.deepEqual(inShort(planOf("github-ssh-rsa-host-key").notices), ["(reminder-P1D)", "announcement all"]);
    for (const id of ["letsencrypt-caa-revocation", "letsencrypt-tls-alpn-revocation"]) {
      assert.deepEqual(inShort(planOf(id).notices), ["announcement all", "reminder-P1D"]);
      assert.ok(planOf(id).notices.every(({ lane }) => lane === "urgent"));
    }
  });

  test("certificates that need no action tell nobody", () => {
    for (const id of ["twilio-cert-2024", "bring-tls-2025"]) assert.deepEqual(planOf(id).notices, []);
  });

  for (const [id, days, months, earliest] of [
    ["pipedrive-permsets", 40, 1, "2021-08-23"],
    ["hubspot-public-contact", 54, 1, "2018-12-30"],
  ] as const)
    test(`${id} was postponed: the new date counts from that day, and is met`, () => {
      const change = changes.find((one) => one.id === id);
      const move = change?.moves[0];
      assert.ok(change?.announced && move?.on);
      const acceptedAt = `${move.on}T10:00:00.000Z`;
      const before = { ...partsOf(change), dateSince: `${change.announced}T10:00:00.000Z` };
      const plan = planNotices(revisedTo({ releaseAt: move.to, dateSince: acceptedAt }, before, { acceptedAt }));
      assert.deepEqual(inShort(plan.notices).slice(0, 2), ["rescheduled told", "announcement untold"]);
      const { status, noticeDays, noticeMonths, earliestRelease } = plan.verdict;
      assert.deepEqual([status, noticeDays, noticeMonths, earliestRelease], ["met", days, months, earliest]);
    });
});
