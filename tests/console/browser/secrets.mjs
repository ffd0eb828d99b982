// Secrets that are kept here: stored, replaced, used, deleted, never shown.
import { assert, check, clean, end, link, look, open, site } from "./lab.mjs";
import { create, file } from "./ways.mjs";

const { page, wrong } = await open();
const SECRET = " s3cret value ";
await page.goto(link);

async function never() {
  const html = await page.content();
  assert(!html.includes(SECRET.trim()), "the secret stands on the page");
}

await check("a secret is stored under a name", async () => {
  await page.getByRole("link", { name: "Secrets", exact: true }).click();
  await page.getByText("There are none.").waitFor();
  await look(page, "secrets-empty");
  await page.getByLabel("Name", { exact: true }).fill("imap password");
  await page.getByLabel("Secret", { exact: true }).fill(SECRET);
  await page.getByRole("button", { name: "Store", exact: true }).click();
  await page.getByText("Nothing was changed.").waitFor();
  await never();
  await page.getByLabel("Name", { exact: true }).fill("imap");
  await page.getByLabel("Secret", { exact: true }).fill(SECRET);
  await page.getByRole("button", { name: "Store", exact: true }).click();
  await page.getByRole("rowheader", { name: "imap", exact: true }).waitFor();
  await never();
});

await check("it is replaced", async () => {
  await page.locator("summary", { hasText: "Replace" }).click();
  await page.getByLabel("New secret imap").fill(`${SECRET}2`);
  await look(page, "secrets");
  await page.getByRole("button", { name: "Replace imap" }).click();
  await page.getByText("Runs use it from their next task on.").waitFor();
  assert((await page.locator("tbody tr").count()) === 1, "two of them");
  await never();
});

await check("what a connector names cannot be deleted, and it is said which", async () => {
  const target = '[target]\ntype = "imap"\nhost = "imap.contoso.com"\npassword = "secret:imap"\n';
  const connector = await create(page, file("Uses it", target), false);
  await page.goto(`${site}/secrets`);
  await page.locator(`tbody a[href='${connector}']`).waitFor();
  assert((await page.getByRole("button", { name: "Delete imap" }).count()) === 0, "it can be deleted");
  await page.goto(`${site}${connector}`);
  await page.getByText("Delete this connector").click();
  await page.getByRole("button", { name: "Delete Uses it" }).click();
  await page.getByText("No connector yet").waitFor();
});

await check("it is deleted when nothing names it", async () => {
  await page.goto(`${site}/secrets`);
  await page.getByRole("button", { name: "Delete imap" }).click();
  await page.getByText("There are none.").waitFor();
});

await clean(wrong);
await end();
