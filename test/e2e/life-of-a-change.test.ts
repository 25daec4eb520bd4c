import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import {
  checkMails,
  checkRecord,
  checkWebhooks,
  FIRST,
  LAST,
  NEW_TITLE,
  OLD_TITLE,
  SECOND,
  STORY,
  THIRD,
} from "../support/life-story.ts";
import { startSite } from "../support/site.ts";
import { until } from "../support/until.ts";

/** Exact offsets, so far apart that a slow machine's reminder is not overtaken by what follows it. */
const compressed: Policy = {
  ...DEFAULT_POLICY,
  escalateAt: "-PT20S",
  onRelease: true,
  categories: {
    ...DEFAULT_POLICY.categories,
    major: { minimumNotice: "PT1S", notices: ["announcement", "-PT20S", "-PT8S"] },
  },
};
/** From bringing the date forward until the release: time to tell it, then both reminders. */
const AHEAD_MS = 45_000;

test("a change is announced, amended, postponed twice, brought forward and released, and each partner is told its part of it", async () => {
  const site = await startSite({ running: true, policy: compressed, contact: "team@provider.example" });
  const secrets: Record<string, string> = {};
  const join = async (partner: string, locale = "en"): Promise<void> => {
    secrets[partner] = await site.addPartner(partner, ["email", "webhook"], { locale });
  };
  /** Resolves when each of these partners has had its next notice by both channels. */
  const heard = async (counts: Record<string, number>, deadlineMs = 30_000): Promise<void> => {
    for (const [partner, count] of Object.entries(counts)) {
      await site.mailbox.waitFor(count, { to: `${partner}@partner.example`, deadlineMs });
      await site.receiver.waitFor(count, { path: `/${partner}`, deadlineMs });
    }
    await site.quiet();
  };
  const edits: string[] = [];
  const record = async (date: string, title: string, sequence: number, last = ""): Promise<void> => {
    edits.push(await checkRecord(site, { date, title, sequence, last }));
  };
  const press = async (partner: string, form: Record<string, string>): Promise<void> => {
    const answer = await site.post(`${site.pageOf(partner, "CHG-1042")}/acknowledgements`, form);
    assert.equal(answer.status, 303, `${partner} is heard`);
  };

  await site.addService("oauth");
  await join("anna");
  await join("bruno", "fr");
  await join("carl");
  await site.sql.query(
    "INSERT INTO endpoints (partner, channel, address, role) SELECT partner, 'email', 'boss@' || partner || '.example', 'escalation' FROM partners",
  );

  await site.announce({
    change: "CHG-1042",
    category: "major",
    service: "oauth",
    title: OLD_TITLE,
    details: "One.\n\nTwo.",
    releaseAt: FIRST,
  });
  await heard({ anna: 1, bruno: 1, carl: 1 });
  await record(FIRST, OLD_TITLE, 0);

  await site.say("updated", { change: "CHG-1042", title: NEW_TITLE, details: "One.\n\nThree." });
  await heard({ anna: 2, bruno: 2, carl: 2 });
  await record(FIRST, NEW_TITLE, 0);

  await site.say("updated", { change: "CHG-1042", releaseAt: SECOND, reason: "Partners asked for time" });
  await heard({ anna: 3, bruno: 3, carl: 3 });
  await record(SECOND, NEW_TITLE, 1);

  await site.sql.query("UPDATE partners SET left_at = now() WHERE partner = 'carl'");
  await join("dora");
  await heard({ dora: 1 });

  await site.say("updated", { change: "CHG-1042", releaseAt: THIRD, reason: "More time" });
  await heard({ anna: 4, bruno: 4, dora: 2 });
  await record(THIRD, NEW_TITLE, 2);
  await press("anna", { status: "ready", revision: "4" });

  // Calendars know whole seconds.
  const last = new Date(Math.ceil((Date.now() + AHEAD_MS) / 1_000) * 1_000).toISOString();
  await site.say("updated", { change: "CHG-1042", releaseAt: last, reason: "A vulnerability" });
  await heard({ anna: 5, bruno: 5, dora: 3 });
  await press("dora", { status: "ready", revision: "5" });
  await record(LAST, NEW_TITLE, 3, last);

  await heard({ anna: 8, bruno: 8, dora: 5 }, AHEAD_MS + 30_000);
  await until(
    async () =>
      (await site.sql.query("SELECT FROM changes WHERE status = 'released' AND released_by = 'schedule'")).rowCount,
    { what: "the schedule has released it", deadlineMs: 30_000 },
  );
  await record(LAST, NEW_TITLE, 3, last);

  for (const partner of Object.keys(STORY)) {
    checkMails(partner, site.mailbox.to(`${partner}@partner.example`), last);
    checkWebhooks(partner, site.receiver.at(`/${partner}`), { site, secret: secrets[partner] ?? "", last });
  }
  // Feeds move their time with each of the five revisions, and only then.
  assert.deepEqual([new Set(edits.slice(0, 5)).size, edits[5] === edits[4]], [5, true]);

  // Only the silent one's second contact was called on, once, and the provider has one list of the silent.
  const [called, ...more] = site.mailbox.to("boss@bruno.example");
  assert.equal(called?.parsed.subject, `[CHG-1042] ${NEW_TITLE}`);
  assert.equal(more.length, 0);
  for (const partner of ["anna", "carl"]) assert.equal(site.mailbox.to(`boss@${partner}.example`).length, 0, partner);
  const listed = await site.mailbox.waitFor(1, { to: "team@provider.example" });
  assert.deepEqual(
    listed.map(({ parsed }) => parsed.text?.match(/^- \w+/gm)),
    [["- bruno"]],
  );
  // Nothing else was sent to anybody.
  assert.equal(site.mailbox.mails.length, 8 + 8 + 3 + 5 + 1 + 1);
  assert.equal(site.receiver.received.length, 8 + 8 + 3 + 5);
});
