// What pages can do without, and do better with: times in the reader's zone, progress that moves, files
// read into fields.
"use strict";

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat("en");

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (!Number.isNaN(date.getTime())) time.textContent = clock.format(date);
  }
}

// Asks until the run has an end, then shows the page as it is now.
async function follow(place) {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  for (;;) {
    await wait(1000);
    let progress;
    try {
      const answer = await fetch(place.dataset.progress, { headers: { accept: "application/json" } });
      if (!answer.ok) continue;
      progress = await answer.json();
    } catch {
      continue;
    }
    if (progress.run !== Number(place.dataset.run) || !progress.is_open) return location.reload();
    for (const [name, value] of Object.entries(progress.counts)) {
      for (const shown of place.querySelectorAll(`[data-value="${name}"]`)) shown.textContent = numbers.format(value);
    }
    const bar = place.querySelector("progress");
    if (bar && progress.counts.planned > 0) {
      bar.max = progress.counts.planned;
      bar.value = progress.counts.delivered;
    }
  }
}

// A file that is chosen is read into the field it is for.
function readInto(chooser) {
  chooser.addEventListener("change", async () => {
    const field = document.getElementById(chooser.dataset.into);
    if (field && chooser.files.length > 0) field.value = await chooser.files[0].text();
  });
}

document.documentElement.classList.add("js");
showTimes(document);
document.querySelectorAll("[data-progress]").forEach(follow);
document.querySelectorAll("input[data-into]").forEach(readInto);
// A choice that decides what else is asked is sent at once.
document.querySelectorAll("[data-sends]").forEach((choice) => {
  choice.addEventListener("change", () => choice.form.requestSubmit(document.getElementById(choice.dataset.sends)));
});
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
