// What an administrator does with a connector that has run: held users, items, the audit trail, changes.
import { readdirSync, readFileSync } from "node:fs";
import { assert, check, clean, end, link, look, open, site, work } from "./lab.mjs";
import { create, file, maildir, runNow } from "./ways.mjs";

const { page, wrong } = await open();
const NAME = 'Contoso <script>alert("name")</script>';
const text = () => page.locator("main").innerText();

async function has(words) {
  await page.getByText(words).first().waitFor();
}

await page.goto(link);
const connector = await create(page, file(NAME, maildir(`${work}/mailboxes`)));
await page.goto(`${site}${connector}`);
await runNow(page);

let held = "";
await check("a held user is mapped in the page, and delivered", async () => {
  await page.goto(`${site}${connector}/held`);
  held = await page.locator("tbody th").first().innerText();
  await look(page, "held");
  await page.getByLabel(`Mailbox of ${held}`).fill("not an address");
  await page.getByRole("button", { name: "Map and deliver" }).click();
  await has("is not the address of a mailbox");
  await page.getByLabel(`Mailbox of ${held}`).fill("found@contoso.com");
  await page.getByRole("button", { name: "Map and deliver" }).click();
  await page.waitForFunction(() => !document.querySelector("[data-progress]"), null, { timeout: 60_000 });
  for (let tries = 0; tries < 60; tries += 1) {
    await page.goto(`${site}${connector}/held`);
    if (!(await text()).includes(held)) break;
    await page.waitForTimeout(500);
  }
  assert(!(await text()).includes(held), `${held} is still held`);
  const mails = readdirSync(`${work}/mailboxes/found@contoso.com/.Skype for Business`, { recursive: true });
  assert(mails.length > 0, "no mail was delivered");
});

await check("an item's way is found by its Message-ID", async () => {
  const folder = `${work}/mailboxes/found@contoso.com/.Skype for Business`;
  const file = readdirSync(folder, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile() && /^(cur|new)$/.test(entry.parentPath.split("/").pop()));
  const mail = readFileSync(`${file.parentPath}/${file.name}`, "utf8");
  await page.goto(`${site}/items`);
  await page.getByLabel("Message-ID or item id").fill(mail.match(/^Message-ID:\s*(\S+)/im)[1]);
  await page.getByRole("button", { name: "Find", exact: true }).click();
  await has("found@contoso.com");
  await look(page, "item");
});

await check("a user's items are found by days", async () => {
  await page.goto(`${site}/items`);
  await look(page, "items-empty");
  await page.getByLabel("User", { exact: true }).fill("found@contoso.com");
  await page.getByLabel("First day (UTC)").fill("2025-01-01");
  await page.getByLabel("Last day (UTC)").fill("2025-12-31");
  await page.getByRole("button", { name: "Find items" }).click();
  await page.locator("tbody .badge", { hasText: "imported" }).first().waitFor();
  await look(page, "items");
});

await check("the audit trail says who did what, and is filtered", async () => {
  await page.getByRole("link", { name: "Audit trail" }).click();
  await page.getByRole("heading", { level: 1, name: "Audit trail" }).waitFor();
  await page.getByText("Show", { exact: true }).nth(1).click();
  await look(page, "audit");
  await page.getByLabel("Action", { exact: true }).fill("connector.create");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL(/action=connector.create/);
  assert((await page.locator("tbody tr").count()) === 1, await text());
});

await check("the page of secrets says that there is no key", async () => {
  await page.getByRole("link", { name: "Secrets", exact: true }).click();
  await has("Secrets cannot be kept here");
  await look(page, "secrets-no-key");
});

await check("a connector is edited, and who was slower is told so", async () => {
  // Two browsers.
  const other = await open({ storageState: await page.context().storageState() });
  const slow = other.page;
  await slow.goto(`${site}${connector}/edit`);
  await page.goto(`${site}${connector}/edit`);
  for (const [tab, every] of [[page, "6h"], [slow, "12h"]]) {
    for (let step = 0; step < 5; step += 1) await tab.getByRole("button", { name: "Next", exact: true }).last().click();
    await tab.getByLabel("Every", { exact: false }).first().fill(every);
    await tab.getByRole("button", { name: "Next", exact: true }).last().click();
    await tab.getByRole("button", { name: "Save and finish" }).click();
  }
  await page.getByText("every 6h").waitFor();
  await slow.getByText("Somebody else has changed this connector meanwhile").waitFor();
  await look(slow, "conflict");
  await other.context.close();
});

await check("pause and resume", async () => {
  await page.goto(`${site}${connector}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await has("This connector is paused");
  await look(page, "connector-paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await has("It goes on exactly where it was");
});

await check("connections of a connector are tested", async () => {
  await page.getByRole("link", { name: "Test connections" }).click();
  await page.getByRole("heading", { name: "Target" }).waitFor();
  await look(page, "connections");
});

await check("the list shows the connector, its name as text", async () => {
  await page.goto(`${site}/connectors`);
  await page.getByRole("link", { name: NAME }).waitFor();
  await look(page, "connectors");
});

await check("what is not there is said", async () => {
  await page.goto(`${site}/connectors/nobody`);
  await has("It is not here");
  await look(page, "problem");
});

await check("everything but progress works without scripts", async () => {
  const plain = await open({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  await plain.page.goto(`${site}${connector}`);
  await plain.page.getByText("Properties").first().waitFor();
  await plain.page.goto(`${site}/connectors/new`);
  await plain.page.getByRole("button", { name: "Accept and continue" }).click();
  await plain.page.getByLabel("Name", { exact: true }).fill("Plain");
  await plain.page.getByLabel("Domain", { exact: true }).fill("contoso.com");
  await plain.page.getByRole("button", { name: "Next", exact: true }).last().click();
  await plain.page.getByRole("button", { name: "Archiving database" }).click();
  await plain.page.getByLabel("Server", { exact: true }).waitFor();
  await plain.context.close();
});

await clean(wrong);
await end();
