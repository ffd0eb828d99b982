// A network of 50 kbit/s whose answers take 400 ms: pages can be used, progress moves, nothing is done twice.
import { assert, check, clean, end, given, link, look, open, site, work } from "./lab.mjs";
import { audited, create, file, maildir, sendTwice, wizard } from "./ways.mjs";

const { page, context, wrong } = await open();
const network = await context.newCDPSession(page);
await network.send("Network.enable");

async function slow(is_slow) {
  const bytes = is_slow ? 50_000 / 8 : -1;
  await network.send("Network.emulateNetworkConditions", {
    offline: false, latency: is_slow ? 400 : 0, downloadThroughput: bytes, uploadThroughput: bytes,
  });
}

await page.goto(link);
const large = await create(page, file("Large", maildir(`${work}/large`), `${given.large}/exports`, `${given.large}/directory.csv`), false);

await check("style and script are asked for once, and from then on found unchanged", async () => {
  const asked = [];
  await page.goto(`${site}/connectors`, { waitUntil: "networkidle" });
  page.on("response", (response) => /console\.(css|js)$/.test(response.url()) && asked.push(response.status()));
  await page.reload({ waitUntil: "networkidle" });
  assert(asked.join() === "304,304", asked.join());
});

await check("the first page and a connector's come, if slowly", async () => {
  await slow(true);
  await page.goto(`${site}/connectors`);
  await page.getByRole("link", { name: "Large" }).click();
  await page.getByRole("heading", { level: 1, name: "Large" }).waitFor();
});

await check("Run now, pressed twice, starts one run, and its progress moves", async () => {
  await page.getByRole("button", { name: "Run now" }).dblclick();
  await page.locator("[data-progress]").waitFor();
  for (let times = 0; times < 2; times += 1) {
    const before = await page.locator("[data-progress]").innerText();
    await page.waitForFunction((before) => {
      const now = document.querySelector("[data-progress]")?.innerText;
      return now !== undefined && now !== before;
    }, before);
  }
  const opened = await audited(page, "run.open");
  assert(opened.length === 1, `${opened.length} runs`);
});

await check("a run that is under way is cancelled from its card", async () => {
  await look(page, "connector-running");
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByText("It captures nothing more.").waitFor();
  await page.locator(".title .badge", { hasText: /Cancelled|Running/ }).waitFor();
  const cancelled = await audited(page, "run.cancel");
  assert(cancelled.length === 1, `${cancelled.length} times`);
});

await check("Save and finish, pressed twice, stores one connector", async () => {
  await slow(false);
  await wizard(page, "Twice");
  await page.getByRole("radio", { name: /Maildir/ }).check();
  await page.locator("[id='target.path']").fill(`${work}/twice`);
  for (let step = 0; step < 2; step += 1) await page.getByRole("button", { name: "Next", exact: true }).last().click();
  await page.getByRole("button", { name: "Save and finish" }).waitFor();
  await slow(true);
  await page.getByRole("button", { name: "Save and finish" }).dblclick();
  await page.getByRole("heading", { level: 1, name: "Twice" }).waitFor();
  await slow(false);
  const made = (await audited(page, "connector.create")).filter((one) => JSON.stringify(one).includes("Twice"));
  assert(made.length === 1, JSON.stringify(made));
});

await check("what is sent twice all the same is done once, and both are told that it is done", async () => {
  await wizard(page, "Both");
  await page.getByRole("radio", { name: /Maildir/ }).check();
  await page.locator("[id='target.path']").fill(`${work}/both`);
  for (let step = 0; step < 2; step += 1) await page.getByRole("button", { name: "Next", exact: true }).last().click();
  await page.getByRole("button", { name: "Save and finish" }).waitFor();
  const saved = await sendTwice(page, "Save and finish");
  assert(saved.every((one) => one.status === 200 && one.url.endsWith("done=saved")), JSON.stringify(saved));
  await page.goto(saved[0].url);
  const run = await sendTwice(page, "Run now");
  assert(run.every((one) => one.status === 200), JSON.stringify(run));
  for (let tries = 0; tries < 120; tries += 1) {
    await page.goto(saved[0].url);
    if ((await page.locator("tbody .badge", { hasText: "Succeeded" }).count()) > 0) break;
    await page.waitForTimeout(500);
  }
  assert((await page.getByRole("rowheader", { name: /^Run/ }).count()) === 1, "not one run");
});

await clean(wrong);
await end();
