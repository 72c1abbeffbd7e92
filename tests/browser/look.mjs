// Opens pages in Chromium, does what a reader does, and prints what it saw as JSON; tests/browser/test_report.py judges.
// Usage: node look.mjs '{"chromium": PATH, "pages": {NAME: FILE}, "screenshots": DIRECTORY}'
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const asked = JSON.parse(process.argv[2]);
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 375, height: 740 } };
// What is left of A4 landscape between margins of 12 mm.
const PAPER = { width: 1032, height: 703 };

const browser = await chromium.launch({
  executablePath: asked.chromium,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** A page in a context of its own; `seen` collects its requests and its messages. */
async function opened(file, options = {}) {
  const context = await browser.newContext({ viewport: SIZES.desktop, ...options });
  const page = await context.newPage();
  const seen = { requests: [], messages: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => seen.messages.push(message.text()));
  page.on("pageerror", (error) => seen.messages.push(String(error)));
  await page.goto(pathToFileURL(file).href);
  return { context, page, seen };
}

const overflow = (page) => page.evaluate(() => {
  const width = document.documentElement.clientWidth;
  const wide = Array.from(document.querySelectorAll("body *")).filter((each) => {
    const box = each.getBoundingClientRect();
    return box.right > width + 1 && !each.closest(".wide, .hidden, caption");
  });
  return { beyond: document.documentElement.scrollWidth - width, elements: wide.map((each) => each.outerHTML.slice(0, 120)) };
});

async function looked(name, file, scheme, size) {
  const { context, page, seen } = await opened(file, { viewport: SIZES[size], colorScheme: scheme });
  const path = join(asked.screenshots, `${name}-${size}-${scheme}.png`);
  await page.screenshot({ path, fullPage: true });
  const own = { ...seen, requests: [...seen.requests], messages: [...seen.messages] };
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document));
  const violations = found.violations.map((each) => ({
    id: each.id, impact: each.impact, targets: each.nodes.map((node) => node.html.slice(0, 160)),
  }));
  const result = { name, scheme, size, violations, rules: found.passes.length, ...own, overflow: await overflow(page) };
  await context.close();
  return result;
}

const firstCells = (table) => table.locator("tbody tr > :first-child").allTextContents();

async function sorted(file) {
  const { context, page } = await opened(file);
  const table = page.locator("table.people").first();
  const button = table.getByRole("button", { name: "Principal" });
  const header = table.getByRole("columnheader", { name: "Principal" });
  const state = async () => ({ order: await firstCells(table), sort: await header.getAttribute("aria-sort") });
  const before = await state();
  await button.click();
  const clicked = await state();
  await button.press("Enter");
  const entered = await state();
  await button.press("Space");
  const spaced = await state();
  await table.getByRole("button", { name: "Privilege" }).click();
  const others = await table.locator("th[aria-sort]").allTextContents();
  await context.close();
  return { before, clicked, entered, spaced, others };
}

async function searched(file) {
  const { context, page } = await opened(file);
  const visible = () => page.locator("tbody tr:visible").count();
  const status = () => page.getByRole("status").textContent();
  const counts = () => page.locator(".count").allTextContents();
  // By table: the rows that are visible; and the principals on the whole page, each once.
  const shown = () => page.locator("table.sortable").evaluateAll((tables) => tables.map((table) =>
    Array.from(table.tBodies[0].rows).filter((row) => row.checkVisibility()).length));
  const principals = () => page.locator("tr[data-key]:visible").evaluateAll((rows) =>
    new Set(rows.map((row) => row.dataset.key)).size);
  const state = async () => ({
    rows: await visible(), status: await status(), counts: await counts(), shown: await shown(),
    principals: await principals(),
  });
  const all = await state();
  await page.getByRole("searchbox", { name: "Search" }).focus();
  await page.keyboard.type("DEV role");
  const words = await state();
  await page.keyboard.press("Enter");
  const entered = await state();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  const focused = await page.evaluate(() => document.activeElement.name);
  const privileged = await state();
  await page.emulateMedia({ media: "print" });
  const printed = await page.getByRole("status").isVisible();
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("searchbox").fill("");
  await page.getByLabel("With a privilege only").uncheck();
  await page.getByLabel("With findings only").check();
  const found = await state();
  await page.getByLabel("With findings only").uncheck();
  const again = await state();
  await context.close();
  return { all, words, entered, focused, privileged, printed, found, again };
}

async function skipped(file) {
  const { context, page } = await opened(file);
  await page.keyboard.press("Tab");
  const link = await page.evaluate(() => document.activeElement.textContent);
  const isSeen = await page.evaluate(() => document.activeElement.getBoundingClientRect().top >= 0);
  await page.keyboard.press("Enter");
  const focused = await page.evaluate(() => document.activeElement.id);
  await context.close();
  return { link, isSeen, focused };
}

async function withoutScripts(file) {
  const { context, page } = await opened(file, { javaScriptEnabled: false });
  const result = {
    rows: await page.locator("tbody tr").count(),
    seen: await page.locator("tbody tr:visible").count(),
    buttons: await page.getByRole("button").count(),
    controls: await page.locator("#controls").isVisible(),
    text: await page.locator("main").innerText(),
  };
  await context.close();
  return result;
}

async function printed(file) {
  const { context, page } = await opened(file, { viewport: PAPER, colorScheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const isSeen = (selector) => page.locator(selector).first().isVisible();
  const result = {
    controls: await isSeen("#controls"),
    navigation: await isSeen("nav"),
    signatures: await isSeen(".signatures"),
    rows: await page.locator("tbody tr:visible").count(),
    background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    overflow: await overflow(page),
  };
  await page.screenshot({ path: join(asked.screenshots, "print.png"), fullPage: true });
  const paper = await page.pdf({ path: join(asked.screenshots, "report.pdf"), preferCSSPageSize: true });
  await context.close();
  return { ...result, bytes: paper.length };
}

try {
  const looks = [];
  for (const [name, file] of Object.entries(asked.pages)) {
    for (const scheme of ["light", "dark"]) {
      for (const size of name === "whole" || scheme === "light" ? Object.keys(SIZES) : []) {
        looks.push(await looked(name, file, scheme, size));
      }
    }
  }
  const { whole } = asked.pages;
  const seen = {
    looks,
    sorted: await sorted(whole),
    searched: await searched(whole),
    skipped: await skipped(whole),
    withoutScripts: await withoutScripts(whole),
    printed: await printed(whole),
  };
  process.stdout.write(JSON.stringify(seen));
} finally {
  await browser.close();
}
