// Somebody whom the issuer gives one role: what they see, and what is refused even so.
import { assert, check, clean, end, given, look, open, sample, site, work } from "./lab.mjs";
import { create, file, maildir, runNow } from "./ways.mjs";

const { page, wrong } = await open();
const { role } = given;
const MAY = { viewer: 0, operator: 1, administrator: 2 };
const may = MAY[role];

await check(`the ${role} signs in at the issuer, and is shown by name`, async () => {
  await page.goto(`${site}/connectors`);
  await page.getByRole("heading", { level: 1, name: "Data connectors" }).waitFor();
  await page.getByText(given.name, { exact: true }).waitFor();
  await look(page, `role-${role}-connectors`);
});

if (role === "administrator") {
  const made = await create(page, file("Contoso", maildir(`${work}/mailboxes`)), false);
  await page.goto(`${site}${made}`);
  await runNow(page);
} else {
  await page.getByRole("link", { name: "Contoso", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Contoso" }).waitFor();
}
const connector = new URL(page.url()).pathname;

/** Buttons and links that do something, what they take, and where they are. */
const ACTS = [
  ["Run now", "button", 1, connector],
  ["Pause", "button", 1, connector],
  ["Test connections", "link", 1, connector],
  ["Edit", "link", 2, connector],
  ["Add connector", "link", 2, "/connectors"],
  ["Secrets", "link", 2, "/connectors"],
  ["Audit trail", "link", 1, "/connectors"],
  ["Map and deliver", "button", 2, `${connector}/held`],
  ["Read the directory again", "button", 1, `${connector}/held`],
];

await check(`the ${role} sees what they may do, and nothing else`, async () => {
  for (const [words, kind, takes, where] of ACTS) {
    if (new URL(page.url()).pathname !== where) await page.goto(`${site}${where}`);
    const count = await page.getByRole(kind, { name: words, exact: true }).count();
    assert(count === (takes <= may ? 1 : 0), `${words} on ${where}: ${count}`);
  }
  await page.goto(`${site}${connector}`);
  const deletes = await page.getByText("Delete this connector").count();
  assert(deletes === (may >= 2 ? 1 : 0), "deleting");
  if (may === 0) assert((await page.locator("main form").count()) === 0, "a form that acts");
  await look(page, `role-${role}-connector`);
});

/** Where forms are sent, and what that takes. */
const POSTS = [
  [`${connector}/pause`, 1],
  [`${connector}/resume`, 1],
  [`${connector}/run`, 1],
  [`${connector}/backfills`, 1],
  [`${connector}/held/deliver`, 1],
  [`${connector}/runs/1/cancel`, 1],
  [`${connector}/runs/1/retry`, 1],
  [`${connector}/held`, 2],
  [`${connector}/edit`, 2],
  ["/connectors/new", 2],
  ["/secrets", 2],
  [`${connector}/delete`, 2],
  [`${connector}/restore`, 2],
];

await check(`what the ${role} may not do is refused when it is sent all the same`, async () => {
  const refused = await page.evaluate(async (paths) => {
    const form_token = document.querySelector("input[name=form_token]").value;
    const send = (path) => fetch(path, { method: "POST", body: new URLSearchParams({ form_token }) });
    const answers = [];
    for (const path of paths) answers.push([path, (await send(path)).status]);
    return answers;
  }, POSTS.filter(([, takes]) => takes > may).map(([path]) => path));
  for (const [path, status] of refused) assert(status === 403, `${path}: ${status}`);
  if (may >= 2) return;
  await page.goto(`${site}/connectors/new`);
  await page.getByText("This takes the role").waitFor();
  await look(page, `role-${role}-refused`);
});

await check(`after the ${role} the connector is as it was`, async () => {
  await page.goto(`${site}${connector}`);
  await page.getByRole("heading", { level: 1, name: "Contoso" }).waitFor();
  assert((await page.getByText("This connector is paused").count()) === 0, sample);
  assert((await page.getByRole("link", { name: "Run 2", exact: true }).count()) === 0, "a second run");
});

await clean(wrong);
await end();
