import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { atEnd } from "./at-end.ts";

/** Where systems put it; playwright-core brings no browser of its own. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Nothing but loopback is looked up or fetched, whatever the browser would like to know of the world. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--no-proxy-server",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** The system's Chromium; null where there is none. It ends when the file's tests have. */
export const openBrowser = async (): Promise<Browser | null> => {
  const executablePath = [process.env["CHROMIUM"] ?? "", ...PLACES].find((place) => existsSync(place));
  if (executablePath === undefined) return null;
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  atEnd(() => browser.close());
  return browser;
};

/** A page that fails the test when it asks for anything but loopback, or its policy refuses what it holds. */
export const openPage = async (
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; faults: string[] }> => {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (line) => {
    if (line.type() === "error") faults.push(line.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).hostname !== "127.0.0.1") faults.push(`asked for ${request.url()}`);
  });
  return { page, faults };
};

const axeSource = (): string => readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong with a page as it is now, a line each. */
export const accessibilityFaults = async (page: Page): Promise<string[]> => {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axeSource());
  const { violations } = await page.evaluate<AxeResults>("axe.run(document)");
  return violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html).join(" ")})`);
};

/** Whether anything sticks out of the page at its side. */
export const overflows = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>("document.documentElement.scrollWidth > document.documentElement.clientWidth");
