// From the first sign-in to a run whose equations close.
import { readFileSync } from "node:fs";
import { assert, check, clean, end, link, look, open, sample, site, work } from "./lab.mjs";

const { page, wrong } = await open();
const NAME = 'Contoso <script>alert("name")</script>';
const next = () => page.getByRole("button", { name: "Next", exact: true }).last().click();

async function has(words) {
  await page.getByText(words).first().waitFor();
}

await check("nobody is let in who has not signed in", async () => {
  await page.goto(`${site}/connectors`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await look(page, "sign-in");
});

await check("the printed link signs in, and the first page leads to a connector", async () => {
  let bytes = 0;
  page.on("response", async (response) => (bytes += (await response.body().catch(() => "")).length));
  await page.goto(link);
  await has("No connector yet");
  await page.waitForLoadState("networkidle");
  assert(bytes > 0 && bytes < 50_000, `the first page has ${bytes} bytes`);
  await look(page, "empty");
});

await check("the wizard begins with what the product does", async () => {
  await page.getByRole("link", { name: "Add connector" }).click();
  await has("Before you begin");
  await look(page, "wizard-1-product");
  await page.getByRole("button", { name: "Accept and continue" }).click();
});

await check("a missing name is said at its field", async () => {
  await next();
  await page.locator("[id='name-wrong']").waitFor();
  await look(page, "wizard-2-name");
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await page.getByLabel("Domain", { exact: true }).fill("contoso.com");
  await next();
});

await check("sources are added, and a relative path is refused at its field", async () => {
  await page.getByRole("button", { name: "Archiving export" }).click();
  await page.getByLabel("Folder").fill("exports");
  await next();
  await page.locator("[id='sources.1.path-wrong']").waitFor();
  await page.getByLabel("Folder").fill(`${sample}/exports`);
  await page.getByRole("button", { name: "Persistent chat, XML" }).click();
  await page.locator("[id='sources.2.path']").fill(`${sample}/compliance`);
});

await check("Test connection answers in place", async () => {
  await page.getByRole("button", { name: "Test connection" }).click();
  await has(/files, the first \d+ read as a trial/);
  await look(page, "wizard-3-sources");
});

await check("going back keeps what was typed", async () => {
  await page.getByRole("button", { name: "Back", exact: true }).click();
  assert((await page.getByLabel("Name", { exact: true }).inputValue()) === NAME, "the name is gone");
  await next();
  assert((await page.locator("[id='sources.2.path']").inputValue()) === `${sample}/compliance`, "the path is gone");
  await next();
});

await check("the directory's type decides what is asked", async () => {
  await page.getByRole("radio", { name: /Active Directory/ }).check();
  await page.locator("[id='directory.url']").waitFor();
  await look(page, "wizard-4-ldap");
  await page.getByRole("radio", { name: /CSV file/ }).check();
  await page.locator("[id='directory.path']").fill(`${sample}/directory.csv`);
  await page.getByRole("button", { name: "Test connection" }).click();
  await has("10 users");
  await look(page, "wizard-4-directory");
  await next();
});

await check("a wrong line of a mapping is named", async () => {
  await page.getByLabel("CSV (optional)").fill("source_user,mailbox\nservicedesk@contoso.com,nobody\n");
  await next();
  const problem = await page.locator("#csv-wrong").innerText();
  assert(problem.includes("2"), problem);
  await look(page, "wizard-5-mapping-wrong");
});

await check("a CSV file is read, and shows who maps to whom", async () => {
  await page.locator("#csv-file").setInputFiles(`${sample}/mapping.csv`);
  await page.waitForFunction(() => document.getElementById("csv").value.includes("alliances"));
  await page.getByRole("button", { name: "Preview who maps to whom" }).click();
  await has(/participants of the first conversations/);
  await look(page, "wizard-5-mapping");
  await next();
});

await check("the target is tested", async () => {
  await look(page, "wizard-6-target-graph");
  await page.getByRole("radio", { name: /IMAP/ }).check();
  await page.locator("[id='target.host']").waitFor();
  await look(page, "wizard-6-target-imap");
  await page.getByRole("radio", { name: /Maildir/ }).check();
  await page.locator("[id='target.path']").fill(`${work}/mailboxes`);
  await page.getByRole("button", { name: "Test connection" }).click();
  await page.locator("#tested").waitFor();
  await look(page, "wizard-6-target");
  await next();
});

await check("the schedule is asked for", async () => {
  await look(page, "wizard-7-schedule");
  await next();
});

await check("the review tries everything, and saving leads to the connector", async () => {
  await has("First import");
  await has("Who maps to whom");
  await look(page, "wizard-8-review");
  await page.getByRole("button", { name: "Save and finish" }).click();
  await page.getByRole("heading", { level: 1, name: NAME }).waitFor();
  await look(page, "connector-new");
});

await check("Run now shows progress that moves, until the run has ended", async () => {
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator("[data-progress]").waitFor();
  await page.locator("tbody .badge", { hasText: "Succeeded" }).first().waitFor({ timeout: 60_000 });
  await look(page, "connector");
});

await check("times are in the reader's zone, and UTC stands in their title", async () => {
  const time = page.locator("tbody time").first();
  const zone = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Berlin" });
  const shown = zone.format(new Date(await time.getAttribute("datetime")));
  assert((await time.innerText()) === shown, `${await time.innerText()} is not ${shown}`);
  assert((await time.getAttribute("title")).endsWith("UTC"), "no UTC in the title");
});

await check("the log can be downloaded, and its sums are the balance's", async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download log" }).click()]);
  const [names, values] = readFileSync(await download.path(), "utf8").split("\n").map((line) => line.split(","));
  const of = (name) => Number(values[names.indexOf(name)]);
  const parts = ["Items imported", "Items partially imported", "Items skipped", "Items failed", "Items held"].map(of);
  assert(of("Items available for import") === parts.reduce((sum, one) => sum + one, 0), `${names}\n${values}`);
  assert(of("Items imported") > 0 && of("Items held") > 0, `${names}\n${values}`);
});

await check("a run's two equations close", async () => {
  await page.getByRole("link", { name: "Run 1", exact: true }).first().click();
  await page.getByRole("heading", { name: "Balance" }).waitFor();
  assert((await page.locator(".badge.good", { hasText: "Closes" }).count()) === 2, await page.locator("main").innerText());
  await look(page, "run");
  for (const list of ["Findings", "Quarantined", "Failed", "Excluded", "External"]) {
    await page.getByRole("link", { name: new RegExp(`^${list}`) }).click();
    await page.getByRole("link", { name: new RegExp(`^${list}`) }).and(page.locator("[aria-current]")).waitFor();
  }
  await look(page, "run-external");
});

await clean(wrong);
await end();
