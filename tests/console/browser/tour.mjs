// Makes one page of the pictures that journeys took: tour.mjs FOLDER writes FOLDER/index.html, which needs no other file.
import { readFileSync, writeFileSync } from "node:fs";

const folder = process.argv[2];
// In the order in which somebody gets to know the console.
const CHAPTERS = {
  first: "From the first sign-in to a balance that closes",
  work: "Held users, items, the audit trail, changes",
  runs: "Failed deliveries, backfills, the end of a connector",
  dovecot: "A mail server as the target",
  secrets: "Secrets",
  roles: "Who sees what",
  session: "A session that ends too early",
  slow: "A run under way",
};

const lines = readFileSync(`${folder}/tour.jsonl`, "utf8").trim().split("\n");
// A page that was looked at twice is shown as it was last.
const pictures = new Map(lines.map((line) => JSON.parse(line)).map((one) => [one.name, one]));
const escape = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const data = (name) => `data:image/png;base64,${readFileSync(`${folder}/${name}.png`).toString("base64")}`;

function figure({ name, caption }) {
  const dark = `<source media="(prefers-color-scheme: dark)" srcset="${data(`${name}-desktop-dark`)}">`;
  const words = escape(caption[0].toUpperCase() + caption.slice(1));
  const wide = `<picture>${dark}<img loading="lazy" width="1280" alt="${words}" src="${data(`${name}-desktop-light`)}"></picture>`;
  const phone = `<details><summary>On a phone</summary><img loading="lazy" width="360" alt="${words}, on a phone" src="${data(`${name}-phone-light`)}"></details>`;
  return `<figure><figcaption>${words}.</figcaption>${wide}${phone}</figure>`;
}

const chapters = Object.entries(CHAPTERS).map(([journey, title]) => {
  const own = [...pictures.values()].filter((one) => one.journey === journey);
  return own.length > 0 ? `<section id="${journey}"><h2>${escape(title)}</h2>${own.map(figure).join("\n")}</section>` : "";
});
const links = Object.entries(CHAPTERS).map(([journey, title]) => `<li><a href="#${journey}">${escape(title)}</a></li>`);

writeFileSync(`${folder}/index.html`, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Chatkeep's console, a tour</title>
<style>
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 82rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; } figure { margin: 2rem 0 3rem; } figcaption { font-weight: 600; margin-bottom: .6rem; }
img { max-width: 100%; height: auto; border: 1px solid #8886; border-radius: 10px; } summary { cursor: pointer; margin: .4rem 0; }
</style></head><body>
<h1>Chatkeep's console, a tour</h1>
<p>The pictures were taken by the tests of this version, in Chromium; above each stands what the test showed there. The data is the sample's, and a connector has a name that would be a script if it were not shown as text.</p>
<ul>${links.join("")}</ul>
${chapters.join("\n")}
</body></html>
`);
console.log(`${pictures.size} pictures in ${folder}/index.html`);
