// A session that ends in the middle of the wizard: what was typed is not lost.
import { assert, check, clean, end, given, look, open, sample, site } from "./lab.mjs";

const { page, wrong } = await open();
const next = () => page.getByRole("button", { name: "Next", exact: true }).last().click();

/** Ends every session of whoever is signed in. */
async function revoke() {
  const other = await open();
  await other.page.goto(`${site}/connectors`);
  const ended = await other.page.evaluate(async (subject) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/api/v1/sessions/revoke", { method: "POST", headers, body: JSON.stringify({ subject }) });
    return (await answer.json()).sessions;
  }, given.subject);
  await other.context.close();
  assert(ended >= 2, `${ended} sessions`);
}

/** Signs in again in another tab, by the link that stands on the page or by hand. */
async function signIn(link) {
  const [tab] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
  await tab.getByRole("heading", { level: 1, name: "Data connectors" }).waitFor();
  await tab.close();
}

await check("a form is filled in", async () => {
  await page.goto(`${site}/connectors/new`);
  await page.getByRole("button", { name: "Accept and continue" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Typed before");
  await page.getByLabel("Domain", { exact: true }).fill("contoso.com");
  await next();
  await page.getByRole("button", { name: "Archiving export" }).click();
  await page.getByLabel("Folder").fill(`${sample}/exports`);
});

await check("when the session has ended meanwhile, it is said, and what was typed is kept", async () => {
  await revoke();
  await next();
  await page.getByRole("heading", { level: 1, name: "Sign in again" }).waitFor();
  await page.getByText("Nothing was stored").waitFor();
  await look(page, "session-ended");
});

await check("who has signed in again goes on where they were", async () => {
  await signIn(page.getByRole("link", { name: /Sign in again/ }));
  await page.getByRole("button", { name: "Go on with what was entered" }).click();
  await page.getByText("Nothing of it is stored yet").waitFor();
  await look(page, "session-begun");
  await page.getByRole("button", { name: "Go on", exact: true }).click();
  await page.locator("[id='directory.path']").fill(`${sample}/directory.csv`);
  await page.getByRole("button", { name: "Back", exact: true }).click();
  assert((await page.getByLabel("Folder").inputValue()) === `${sample}/exports`, "the folder is gone");
});

await check("a page of a session before is asked about, not thrown away", async () => {
  await page.getByLabel("Folder").fill(`${sample}/compliance`);
  await revoke();
  const tab = await page.context().newPage();
  await tab.goto(`${site}/connectors`);
  await tab.getByRole("heading", { level: 1, name: "Data connectors" }).waitFor();
  await tab.close();
  await next();
  await page.getByRole("button", { name: "Go on", exact: true }).click();
  await page.locator("[id='directory.path']").waitFor();
  await page.getByRole("button", { name: "Back", exact: true }).click();
  assert((await page.getByLabel("Folder").inputValue()) === `${sample}/compliance`, "the change is gone");
});

await check("a page that is only looked at leads to signing in and back", async () => {
  await revoke();
  await page.goto(`${site}/secrets`);
  await page.getByRole("heading", { level: 1, name: "Secrets" }).waitFor();
});

await clean(wrong);
await end();
