// The wizard against a real IMAP server; what arrived there is read by whoever started this.
import { writeFileSync, readFileSync } from "node:fs";
import { assert, check, clean, end, given, link, look, open, work } from "./lab.mjs";
import { runNow, wizard } from "./ways.mjs";

const { page, wrong } = await open();
const next = () => page.getByRole("button", { name: "Next", exact: true }).last().click();
const fill = (id, value) => page.locator(`[id='${id}']`).fill(value);

await page.goto(link);
await wizard(page, "Contoso by IMAP");
await page.getByRole("radio", { name: /IMAP/ }).check();
await page.locator("[id='target.host']").waitFor();

await check("a server that is not there is said where it was typed", async () => {
  await fill("target.host", "127.0.0.1");
  await page.locator("[id='target.tls']").selectOption("none");
  await fill("target.password", `file:${work}/password`);
  await page.getByText("More settings").first().click();
  await fill("target.port", "1");
  await page.getByRole("button", { name: "Test connection" }).click();
  await page.locator("section", { has: page.locator("#tested") }).locator(".badge.bad").waitFor();
  await look(page, "wizard-6-target-away");
});

await check("a password that is wrong is said, too", async () => {
  writeFileSync(`${work}/password`, "not the password");
  // What is not as it comes is not folded away.
  await fill("target.port", String(given.port));
  await page.getByRole("button", { name: "Test connection" }).click();
  await page.locator("section", { has: page.locator("#tested") }).locator(".badge.bad").waitFor();
});

await check("Test connection signs in to a mailbox of the server", async () => {
  writeFileSync(`${work}/password`, given.password);
  await page.getByRole("button", { name: "Test connection" }).click();
  const tested = page.locator("section", { has: page.locator("#tested") });
  await tested.locator(".badge.good").first().waitFor();
  assert((await tested.locator(".badge.bad").count()) === 0, await tested.innerText());
});

await check("what was typed is archived on the server, and the log says how much", async () => {
  await next();
  await next();
  await page.getByRole("button", { name: "Save and finish" }).click();
  await page.getByText("IMAP, 127.0.0.1").waitFor();
  await runNow(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download log" }).click()]);
  const [names, values] = readFileSync(await download.path(), "utf8").split("\n").map((line) => line.split(","));
  writeFileSync(`${work}/imported`, values[names.indexOf("Items imported")]);
});

await clean(wrong);
await end();
