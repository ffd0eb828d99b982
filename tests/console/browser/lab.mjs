// A browser, what is wrong on its pages, and pictures of them.
import { createRequire } from "node:module";
import { appendFileSync, readFileSync } from "node:fs";
import { basename } from "node:path";

const require = createRequire(`${process.env.CHATKEEP_CHROMIUM_ROOT}/package.json`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** What the journey was given: where the console is (`site`), the link that signs in (`link`), the sample (`sample`), a
 * folder to write into (`work`), one for pictures (`pictures`), and what is the journey's own. */
export const given = JSON.parse(process.argv[2]);
export const { site, link, sample, work } = given;
const { pictures } = given;
const journey = basename(process.argv[1], ".mjs");

let checking = "";
let failed = 0;

/** One thing that must hold; what comes after it is tried even when it does not. */
export async function check(name, body) {
  checking = name;
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
  }
}

export function assert(holds, words) {
  if (!holds) throw new Error(words);
}

/** Closes the browser, and says whether all went well. */
export async function end() {
  await browser.close();
  process.exit(failed > 0 ? 1 : 0);
}

const browser = await chromium.launch({
  executablePath: process.env.CHATKEEP_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

/** A browser of its own, that notes whatever must not be: errors on the console, requests to elsewhere. */
export async function open(options = {}) {
  const context = await browser.newContext({ timezoneId: "Europe/Berlin", locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const wrong = [];
  page.on("console", (message) => {
    // A page that says no has a status that Chromium writes down.
    if (message.type() === "error" && !message.text().includes("Failed to load resource")) wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    const known = [site, "data:", given.issuer].filter(Boolean);
    if (!known.some((one) => request.url().startsWith(one))) wrong.push(`asked ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return { context, page, wrong };
}

/** Nothing was wrong on the pages of a browser. */
export async function clean(wrong) {
  await check("no error on any page, nothing asked of elsewhere", async () => {
    assert(wrong.length === 0, wrong.join("\n"));
  });
}

/** What axe-core has against a page. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
}

const WIDTHS = { phone: 360, tablet: 820, desktop: 1280 };

/** Looks at the page in every width, light and dark, and takes pictures of it. The tour is made of them: what stands above
 * a picture is the check that it was taken in. */
export async function look(page, name) {
  const wrong = [];
  appendFileSync(`${pictures}/tour.jsonl`, `${JSON.stringify({ journey, name, caption: checking })}\n`);
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [width, pixels] of Object.entries(WIDTHS)) {
      await page.setViewportSize({ width: pixels, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) wrong.push(`${name} is ${over} pixels too wide at ${pixels}`);
      await page.screenshot({ path: `${pictures}/${name}-${width}-${scheme}.png`, fullPage: true, animations: "disabled" });
    }
    for (const one of await violations(page)) wrong.push(`${name}, ${scheme}: ${one}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
  assert(wrong.length === 0, wrong.join("\n"));
}
