// Ways that several journeys take.
import { assert, sample, site } from "./lab.mjs";

const next = (page) => page.getByRole("button", { name: "Next", exact: true }).last().click();

/** A target in a folder. */
export const maildir = (folder) => `[target]\ntype = "maildir"\npath = "${folder}"\n`;

/** A connector file of the sample, or of other exports. */
export function file(name, target, exports = `${sample}/exports`, directory = `${sample}/directory.csv`) {
  return `name = ${JSON.stringify(name)}\ndomain = "contoso.com"\n[[sources]]\ntype = "archiving-export"\npath = "${exports}"\n\
[directory]\ntype = "csv"\npath = "${directory}"\n${target}`;
}

/** Stores a connector by the API, and says where its page is. */
export async function create(page, connector_file, schedule = true) {
  const made = await page.evaluate(async (body) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/api/v1/connectors", { method: "POST", headers, body: JSON.stringify(body) });
    return answer.json();
  }, { connector_file, schedule });
  assert(made.id, JSON.stringify(made));
  return `/connectors/${made.id}`;
}

/** Presses "Run now" on a connector's page, and waits until a run has ended. */
export async function runNow(page) {
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator("tbody .badge", { hasText: "Succeeded" }).first().waitFor({ timeout: 120_000 });
}

/** The wizard's pages up to the target, filled in. */
export async function wizard(page, name) {
  await page.goto(`${site}/connectors/new`);
  await page.getByRole("button", { name: "Accept and continue" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Domain", { exact: true }).fill("contoso.com");
  await next(page);
  await page.getByRole("button", { name: "Archiving export" }).click();
  await page.getByLabel("Folder").fill(`${sample}/exports`);
  await next(page);
  await page.locator("[id='directory.path']").fill(`${sample}/directory.csv`);
  await next(page);
  await page.getByRole("button", { name: "Preview who maps to whom" }).waitFor();
  await next(page);
  await page.locator("[name='target.choice']").first().waitFor();
}

/** Sends the form of a button twice at once, past the script that keeps people from doing so. */
export async function sendTwice(page, words) {
  return page.evaluate(async (words) => {
    const button = [...document.querySelectorAll("button")].find((one) => one.textContent === words);
    const { form } = button;
    const send = async () => {
      const body = new URLSearchParams(new FormData(form, button));
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
      return { status: answer.status, url: answer.url };
    };
    return Promise.all([send(), send()]);
  }, words);
}

/** The entries of the audit trail with this action. */
export async function audited(page, action) {
  return page.evaluate(async (action) => {
    const answer = await fetch(`/api/v1/audit?action=${action}`);
    return (await answer.json()).entries;
  }, action);
}
