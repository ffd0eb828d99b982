// Backfills, failed deliveries, and the end of a connector, from the pages. The server's mailboxes are too small.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { assert, check, clean, end, given, link, look, open, site, work } from "./lab.mjs";
import { create, file, maildir, runNow } from "./ways.mjs";

const { page, wrong } = await open();
await page.goto(link);
writeFileSync(`${work}/password`, given.password);
const imap = `[target]\ntype = "imap"\nhost = "127.0.0.1"\nport = ${given.port}\ntls = "none"\npassword = "file:${work}/password"\n`;

async function reloadUntil(locator) {
  for (let tries = 0; tries < 240 && (await locator.count()) === 0; tries += 1) {
    await page.waitForTimeout(500);
    // The page's own script may load it at the same moment.
    await page.reload().catch(() => {});
  }
  assert((await locator.count()) > 0, await page.locator("main").innerText());
}

const small = await create(page, file("Small mailboxes", imap), false);
const failed = async () => Number((await page.getByRole("link", { name: /^Failed/ }).innerText()).match(/\((\d+)\)/)[1]);

await check("a delivery that the server refused stands among the failed ones, with its reason", async () => {
  await page.goto(`${site}${small}`);
  await runNow(page);
  await page.getByRole("link", { name: "Run 1", exact: true }).first().click();
  await page.getByRole("link", { name: /^Failed/ }).click();
  assert((await failed()) > 0, "none has failed");
  assert((await page.locator(".badge.good", { hasText: "Closes" }).count()) === 2, "an equation is open");
  await look(page, "run-failed");
});

await check("failed deliveries are tried again once there is room", async () => {
  const before = await failed();
  for (const user of given.users) {
    execFileSync("doveadm", ["-c", given.doveadm, "expunge", "-u", user, "mailbox", "INBOX/Skype for Business", "all"], { stdio: "ignore" });
  }
  await page.getByRole("button", { name: "Retry failed" }).click();
  await page.getByText("Trying again.").waitFor();
  await reloadUntil(page.locator(".title .badge", { hasText: "Succeeded" }));
  assert((await failed()) < before, `${await failed()} of ${before}`);
  assert((await page.locator(".badge.good", { hasText: "Closes" }).count()) === 2, "an equation is open");
});

const past = await create(page, file("Past days", maildir(`${work}/past`)), false);

async function order(from, to, slice) {
  await page.getByText("Order a backfill").click();
  await page.getByLabel("First day (UTC)").fill(from);
  await page.getByLabel("Day behind the last one").fill(to);
  await page.getByLabel("Days per run").fill(slice);
  await page.getByRole("button", { name: "Start backfill" }).click();
}

await check("a backfill without days is refused with words", async () => {
  await page.goto(`${site}${past}`);
  await order("2025-03-20", "2025-03-01", "7");
  await page.locator(".notice.bad").waitFor();
  await look(page, "backfill-refused");
});

await check("a backfill is ordered, and its days are archived", async () => {
  await page.goto(`${site}${past}`);
  await order("2025-03-08", "2025-03-22", "7");
  await page.getByText("Backfill ordered.").waitFor();
  await reloadUntil(page.locator("tbody .badge", { hasText: "Finished" }));
  assert((await page.locator(".badge", { hasText: "backfill" }).count()) > 0, "no run of it");
  await look(page, "backfill");
});

await check("another one is cancelled", async () => {
  await order("2005-01-01", "2024-01-01", "1");
  await page.getByText("Backfill ordered.").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByText("Backfill ended.").waitFor();
  await page.locator("tbody .badge", { hasText: "Cancelled" }).first().waitFor();
});

const list = page.getByRole("link", { name: "Small mailboxes" });

await check("a connector is deleted, and is listed no longer", async () => {
  await page.goto(`${site}/connectors`);
  assert((await list.count()) === 1, "it is not listed");
  await page.goto(`${site}${small}`);
  await page.getByText("Delete this connector").click();
  await look(page, "connector-delete");
  await page.getByRole("button", { name: "Delete Small mailboxes" }).click();
  await page.getByRole("heading", { level: 1, name: "Data connectors" }).waitFor();
  // What lies in a fold that is closed has no role.
  assert((await list.count()) === 0, "it is still listed");
});

await check("a deleted connector is found behind a fold, and restored there", async () => {
  const fold = page.getByText("Deleted connectors (1)");
  await fold.click();
  await list.waitFor();
  await look(page, "connectors-deleted");
  await list.click();
  await page.getByText("This connector was deleted").waitFor();
  assert((await page.getByRole("link", { name: "Edit", exact: true }).count()) === 0, "it can be edited");
  await look(page, "connector-deleted");
  await page.goto(`${site}/connectors`);
  await fold.click();
  await page.getByRole("button", { name: "Restore Small mailboxes" }).click();
  await page.getByText("Restored.").waitFor();
  await page.locator(".title .badge", { hasText: "Manual" }).waitFor();
  await page.getByRole("link", { name: "Run 1", exact: true }).first().waitFor();
  await page.goto(`${site}/connectors`);
  await list.waitFor();
  assert((await fold.count()) === 0, "it is among the deleted ones");
});

await clean(wrong);
await end();
