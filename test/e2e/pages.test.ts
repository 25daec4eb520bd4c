import assert from "node:assert/strict";
import { before, type TestContext, test } from "node:test";
import type { Browser } from "playwright-core";
import { accessibilityFaults, openBrowser, openPage, overflows } from "../support/browser.ts";
import { inDays } from "../support/days.ts";
import { ADMIN_KEY, type Site, startSite } from "../support/site.ts";

let site: Site;
let browser: Browser | null;
let paths: Record<string, string>;

const said = async (): Promise<unknown[]> =>
  (await site.sql.query(`SELECT revision, status, "by", note FROM acknowledgements ORDER BY no`)).rows;

before(async () => {
  site = await startSite({ running: true });
  browser = await openBrowser();
  await site.addService("oauth2", true);
  await site.addService("reports");
  await site.addPartner("acme", ["email", "webhook"]);
  await site.addPartner("beta", ["email"], { locale: "fr" });
  await site.announce({
    change: "CHG-1",
    category: "major",
    service: "oauth2",
    title: "Old token endpoints are shut down",
    summary: "The old endpoints stop answering.",
    details:
      "## What changes\n\nThe body is wrapped in `body`.\n\n```json\n{}\n```\n\n| old | new |\n|---|---|\n| a | b |",
    releaseAt: inDays(120),
    action: "Call the new endpoint.",
    affects: ["POST /oauth2/token"],
    links: [{ rel: "sunset", href: "https://developer.example.com/guide", title: "Guide" }],
    contact: "api@example.com",
  });
  await site.announce({
    change: "CHG-2",
    category: "emergency",
    service: "reports",
    title: "Key replaced",
    releaseAt: inDays(3),
  });
  await site.announce({ change: "CHG-3", category: "normal", service: "reports", title: "Faster lists" });
  await site.announce({ change: "CHG-4", category: "major", service: "reports", title: "UUIDs", releaseAt: inDays(9) });
  await site.say("updated", {
    change: "CHG-1",
    releaseAt: inDays(150),
    details: "Other.\n\nMore.",
    reason: "Too soon",
  });
  await site.say("cancelled", { change: "CHG-4", reason: "Not needed" });
  await site.announce({
    change: "CHG-5",
    category: "major",
    service: "reports",
    title: "Over",
    releaseAt: inDays(-91),
  });
  await site.addPartner("a-partner-with-a-long-id-and-no-endpoint-that-anybody-could-reach", []);
  await site.quiet();
  await site.sql.query("UPDATE revisions SET accepted_at = accepted_at - interval '91 days' WHERE change = 'CHG-5'");
  await site.post(`${site.pageOf("beta", "CHG-1")}/acknowledgements`, { status: "ready", revision: "1", by: "Zoé" });
  paths = {
    change: site.pageOf("acme", "CHG-1"),
    emergency: site.pageOf("acme", "CHG-2"),
    cancelled: site.pageOf("acme", "CHG-4"),
    french: site.pageOf("beta", "CHG-1"),
    home: site.pageOf("acme", null),
    unsubscribe: `/p/${site.parts.keyring.unsubscribeToken(1)}/unsubscribe`,
    changelog: "/changelog",
    record: "/changelog/CHG-1",
    proof: "/v1/changes/CHG-1/proof.html",
    expired: site.pageOf("acme", "CHG-5"),
    missing: "/p/x.y",
    problem: "/problems/invalid",
  };
});

/** Without a browser the same buttons are pressed as plain requests; only looks and accessibility stay unseen. */
const withBrowser = (context: TestContext): Browser | null => {
  if (!browser)
    context.diagnostic("no Chromium here: pages are read as HTML (apt-get install chromium, or CHROMIUM=path)");
  return browser;
};

test("every page is accessible, fits a phone, and loads nothing, in light and in dark", async (context) => {
  const looked = withBrowser(context);
  for (const [name, path] of Object.entries(paths)) {
    if (!looked) {
      const html = await (await site.get(path, { authorization: `Bearer ${ADMIN_KEY}` })).text();
      assert.match(
        html,
        /^<!doctype html>\s*<html lang="(?:en|fr)">[\s\S]*<title>[^<]+<\/title>[\s\S]*<main>[\s\S]*<h1>/,
        name,
      );
      assert.equal(html.match(/<h1/g)?.length, 1, name);
      assert.doesNotMatch(html, /<script|<link rel="stylesheet|<img|src=/, name);
      continue;
    }
    const { page, faults } = await openPage(looked, { httpCredentials: { username: "me", password: ADMIN_KEY } });
    await page.goto(site.address + path);
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      assert.equal(await overflows(page), false, `${name} sticks out at ${width} px`);
    }
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await accessibilityFaults(page), [], `${name}, ${colorScheme}`);
    }
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    assert.deepEqual(await accessibilityFaults(page), [], `${name}, on paper`);
    assert.deepEqual(
      faults.filter((fault) => !/status of 4(?:01|04|10)/.test(fault)),
      [],
      name,
    );
    await page.context().close();
  }
});

test("a person says ready with one button and sees that it was heard, and asks for help in words", async (context) => {
  const before = (await said()).length;
  const looked = withBrowser(context);
  if (looked) {
    const { page } = await openPage(looked);
    await page.goto(site.address + paths["change"]);
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Ready" }).click();
    await page.getByText(/you are ready\. Thank you/).waitFor();
    await page.reload();
    await page.getByLabel("A note for us").fill("We cannot reach the test system.");
    await page.getByRole("button", { name: "We need help" }).click();
    await page.getByText(/You asked for help/).waitFor();
    await page.context().close();
  } else {
    const html = await (await site.get(paths["change"] ?? "")).text();
    const [, action = ""] = /<form method="post" action="([^"]+acknowledgements)"/.exec(html) ?? [];
    const [, revision = ""] = /name="revision" value="(\d+)"/.exec(html) ?? [];
    await site.post(action, { revision, status: "ready", by: "Ada", note: "" });
    await site.post(action, { revision, status: "needs-help", by: "", note: "We cannot reach the test system." });
  }
  assert.deepEqual((await said()).slice(before), [
    { revision: 2, status: "ready", by: "Ada", note: null },
    { revision: 2, status: "needs-help", by: "the partner’s page", note: "We cannot reach the test system." },
  ]);
});

test("the home page stays accessible and fits a phone whatever a person does there", async (context) => {
  const looked = withBrowser(context);
  if (!looked) return;
  const { page } = await openPage(looked, { viewport: { width: 360, height: 800 } });
  const seen = async (what: string): Promise<void> => {
    await page.getByRole("status").getByText(what).waitFor();
    assert.deepEqual(await accessibilityFaults(page), [], what);
    assert.equal(await overflows(page), false, what);
  };
  await page.goto(site.address + paths["home"]);
  await page.getByRole("button", { name: "Send a test: acme@" }).click();
  await seen("was sent");
  await page.getByRole("button", { name: "New secret" }).click();
  await seen("shown this once");
  await page
    .getByRole("button", { name: /^Send again: / })
    .first()
    .click();
  await seen("on its way again");
  await page.getByText("Change the address").first().click();
  await page.getByLabel("Address: acme@partner.example", { exact: true }).fill("moved@partner.example");
  await page.getByRole("button", { name: "Save: acme@" }).click();
  await seen("Notices go to moved@partner.example");
  await page.getByLabel("Time zone").fill("Mars/Base");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await seen("Please correct what is marked");
  await page.context().close();
});

test("a person ends the mails to an address with a button, and takes it back with another", async (context) => {
  const status = async () =>
    (await site.sql.query<{ status: string }>("SELECT status FROM endpoints WHERE no = 1")).rows[0]?.status;
  const path = paths["unsubscribe"] ?? "";
  const looked = withBrowser(context);
  if (looked) {
    const { page } = await openPage(looked);
    await page.goto(site.address + path);
    await page.getByRole("button", { name: "Unsubscribe" }).click();
    await page.getByText("gets no more change notices").waitFor();
    assert.equal(await status(), "unsubscribed");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole("button", { name: "Subscribe again" }).click();
    await page.getByText("gets change notices.").waitFor();
    await page.context().close();
  } else {
    await site.post(path);
    assert.equal(await status(), "unsubscribed");
    await site.post(path.replace(/unsubscribe$/, "resubscribe"));
  }
  assert.equal(await status(), "active");
});
