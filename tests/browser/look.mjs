// The report in Chromium: node --test look.mjs, with {"chromium": PATH, "pages": {NAME: FILE}, "admin": ARN,
// "screenshots": DIRECTORY} in the variable ASKED.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const asked = JSON.parse(process.env.ASKED);
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
after(() => browser.close());

/** A page in a context of its own. */
async function opened(file, options = {}, listen = () => {}) {
  const page = await (await browser.newContext({ viewport: SIZES.desktop, ...options })).newPage();
  listen(page);
  await page.goto(pathToFileURL(file).href);
  return page;
}

/** Nothing is wider than the page, but for what scrolls by itself. */
async function assertFits(page) {
  const overflow = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = Array.from(document.querySelectorAll("body *")).filter((each) =>
      each.getBoundingClientRect().right > width + 1 && !each.closest(".wide, .hidden, caption"));
    return [document.documentElement.scrollWidth > width, ...wide.map((each) => each.outerHTML.slice(0, 120))];
  });
  assert.deepEqual(overflow, [false]);
}

const { whole } = asked.pages;
const everyRow = async () => (await opened(whole, { javaScriptEnabled: false })).locator("tbody tr").count();

for (const [name, file] of Object.entries(asked.pages)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const size of name === "whole" || colorScheme === "light" ? Object.keys(SIZES) : []) {
      test(`${name} ${colorScheme} ${size}: accessible, not too wide, and nothing is asked for or logged`, async () => {
        const requests = [];
        const messages = [];
        const page = await opened(file, { viewport: SIZES[size], colorScheme }, (made) => {
          made.on("request", (request) => requests.push(request.url()));
          made.on("console", (message) => messages.push(message.text()));
          made.on("pageerror", (error) => messages.push(String(error)));
        });
        const path = join(asked.screenshots, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
        assert.deepEqual([requests.length, messages], [1, []]);
        await page.evaluate(axe);
        const found = await page.evaluate(() => globalThis.axe.run(document));
        assert.deepEqual(found.violations.map((each) => [each.id, each.nodes.map((node) => node.html)]), []);
        assert.ok(found.passes.length > 20);
        await assertFits(page);
      });
    }
  }
}

test("tables are sorted by mouse and keyboard", async () => {
  const table = (await opened(whole)).locator("table.people").first();
  const button = table.getByRole("button", { name: "Principal" });
  const header = table.getByRole("columnheader", { name: "Principal" });
  const order = () => table.locator("tbody tr > :first-child").allTextContents();
  const sort = () => header.getAttribute("aria-sort");
  const lowered = (text) => text.toLowerCase();
  const compared = (one, other) => (lowered(one) < lowered(other) ? -1 : Number(lowered(one) > lowered(other)));
  const ascending = (await order()).sort(compared);
  assert.equal(await sort(), null);
  await button.click();
  assert.deepEqual([await sort(), await order()], ["ascending", ascending]);
  await button.press("Enter");
  assert.deepEqual([await sort(), await order()], ["descending", ascending.toReversed()]);
  await button.press("Space");
  assert.deepEqual([await sort(), await order()], ["ascending", ascending]);
  await table.getByRole("button", { name: "Privilege" }).click();
  assert.deepEqual(await table.locator("th[aria-sort]").allTextContents(), ["Privilege"]);
});

test("rows are searched and filtered, and every count is that of what is shown", async () => {
  const page = await opened(whole);
  const total = await everyRow();
  // By table: the rows that are visible; and the principals on the whole page, each once.
  const shownOf = () => page.locator("table.sortable").evaluateAll((tables) => tables.map((table) =>
    Array.from(table.tBodies[0].rows).filter((row) => row.checkVisibility()).length));
  const principalsOf = () => page.locator("tr[data-key]:visible").evaluateAll((rows) =>
    new Set(rows.map((row) => row.dataset.key)).size);
  const state = async () => {
    const rows = await page.locator("tbody tr:visible").count();
    const status = await page.getByRole("status").textContent();
    const counts = await page.locator(".count").allTextContents();
    const [shown, principals] = [await shownOf(), await principalsOf()];
    assert.deepEqual(counts.map((text) => Number.parseInt(text)), shown);
    assert.equal(Number.parseInt(status), principals);
    return { rows, status, counts, shown, principals };
  };
  const all = await state();
  assert.equal(all.rows, total);
  assert.equal(all.status, "4 principals, 1 ineffective entry, 7 permissions");
  assert.deepEqual(all.counts, ["4 principals", "4 principals", "1 ineffective entry", "7 permissions"]);
  await page.getByRole("searchbox", { name: "Search" }).focus();
  await page.keyboard.type("DEV role");
  const words = await state();
  assert.ok(words.rows > 0 && words.rows < total);
  assert.ok(words.status.startsWith(`${words.principals} of 4 principals, `));
  await page.keyboard.press("Enter");
  assert.deepEqual(await state(), words);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  assert.equal(await page.evaluate(() => document.activeElement.name), "privileged");
  const privileged = await state();
  assert.ok(privileged.rows > 0 && privileged.rows < words.rows);
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.getByRole("status").isVisible(), "paper says that rows are hidden");
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("searchbox").fill("");
  await page.getByLabel("With a privilege only").uncheck();
  await page.getByLabel("With findings only").check();
  const found = await state();
  assert.ok(found.rows > 0 && found.rows < total);
  // A principal with findings is shown in the table of all clusters too.
  assert.ok(found.principals > 0 && found.shown[0] === found.principals);
  await page.getByLabel("With findings only").uncheck();
  assert.deepEqual(await state(), all);
});

test("a search dims the other parts of the pictures, and hides pictures of none", async () => {
  const page = await opened(whole);
  const picture = page.locator(".wide-picture").first();
  const bright = () => picture.locator("svg:not(.off)").evaluateAll((parts) => parts.map((part) =>
    Array.from(part.querySelectorAll("text"), (text) => text.textContent).join(" ")));
  const all = await bright();
  assert.ok(all.includes("system:masters") && all.includes("readers"));
  await page.getByRole("searchbox").fill("role/Dev");
  assert.deepEqual((await bright()).filter((text) => !text.startsWith("role/")), [
    "dev", "readers", "Elevated", "unknown", "None",
  ]);
  // Sorting the table does not change which row is meant.
  await page.locator("table.people").first().getByRole("button", { name: "Becomes" }).click();
  await page.getByRole("searchbox").fill("role/dev ");
  assert.ok((await bright()).includes("readers") && !(await bright()).includes("system:masters"));
  await page.getByRole("searchbox").fill("nobody");
  assert.ok(!(await picture.isVisible()));
  await page.getByRole("searchbox").fill("");
  assert.deepEqual(await bright(), all);
});

test("a picture is drawn for the width of the window, and for paper", async () => {
  const page = await opened(whole);
  const visible = () => Promise.all([".wide-picture", ".narrow-picture"].map((name) => page.locator(name).first().isVisible()));
  assert.deepEqual(await visible(), [true, false]);
  await page.setViewportSize(SIZES.phone);
  assert.deepEqual(await visible(), [false, true]);
  const sizes = await page.locator(".narrow-picture text").evaluateAll((texts) => texts.map((text) =>
    text.getBoundingClientRect().height));
  assert.ok(Math.min(...sizes) >= 11, "text can be read");
  await page.emulateMedia({ media: "print" });
  assert.deepEqual(await visible(), [true, false]);
  const shown = await page.getByRole("img").first().getAttribute("aria-label");
  assert.equal(shown, "Who gets where in dev-first");
});

test("the keyboard can skip to the review", async () => {
  const page = await opened(whole);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the review");
  assert.ok(await page.evaluate(() => document.activeElement.getBoundingClientRect().top >= 0));
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});

test("all is there without scripts", async () => {
  const page = await opened(whole, { javaScriptEnabled: false });
  const rows = await page.locator("tbody tr").count();
  assert.ok(rows > 10);
  assert.equal(await page.locator("tbody tr:visible").count(), rows);
  assert.equal(await page.getByRole("button").count(), 0);
  assert.ok(!(await page.locator("#controls").isVisible()));
  const text = await page.locator("main").innerText();
  const wanted = [asked.admin, "IAM050", "no binding names the group", "never matches", "Not committed"];
  assert.deepEqual(wanted.filter((each) => !text.includes(each)), []);
});

test("it prints whole on white", async () => {
  const page = await opened(whole, { viewport: PAPER, colorScheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const seen = ["#controls", "nav", ".signatures"].map((selector) => page.locator(selector).first().isVisible());
  assert.deepEqual(await Promise.all(seen), [false, false, true]);
  assert.equal(await page.locator("tbody tr:visible").count(), await everyRow());
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  await assertFits(page);
  await page.screenshot({ path: join(asked.screenshots, "print.png"), fullPage: true });
  const paper = await page.pdf({ path: join(asked.screenshots, "report.pdf"), preferCSSPageSize: true });
  assert.ok(paper.length > 10_000);
});
