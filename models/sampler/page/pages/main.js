// Draws the form once, and asks every second how the trainings stand.

import { ask, lost, make, one, Refused, say, set, time } from "./base.js";
import * as detail from "./detail.js";
import { build } from "./form.js";

const rows = new Map(); // name -> its button
let soon = 0;

function choose(name) {
  if (name !== detail.current()) detail.open(name);
  history.replaceState(null, "", name ? `#${name}` : "#");
  again();
}

async function look() {
  const { trainings } = await ask("/api/trainings");
  list(trainings);
  const wanted = detail.current();
  if (wanted && !trainings.some((one_) => one_.name === wanted)) detail.open("");
  if (!detail.current() && trainings.length) detail.open(first(trainings));
  for (const [name, row] of rows) row.setAttribute("aria-current", name === detail.current());
  if (detail.current()) detail.show(await ask(detail.asks()));
  document.body.dataset.looked = String(Number(document.body.dataset.looked || 0) + 1);
}

function first(trainings) {
  const told = decodeURIComponent(location.hash.slice(1));
  const found = trainings.find((one_) => one_.name === told) || trainings.find((one_) => one_.state === "running");
  return (found || trainings[0]).name;
}

function list(trainings) {
  one("#none").hidden = trainings.length > 0;
  for (const [name, row] of rows) if (!trainings.some((t) => t.name === name)) { row.parentElement.remove(); rows.delete(name); }
  trainings.forEach((training, k) => {
    if (!rows.has(training.name)) rows.set(training.name, entry(training.name));
    const row = rows.get(training.name);
    const at = one("#list").children[k];
    if (at !== row.parentElement) one("#list").insertBefore(row.parentElement, at || null);
    const state = one(".state", row);
    state.className = `state ${training.state}`;
    set(state, detail.STATES[training.state]);
    const best = training.best ? `best merit ${training.best.merit.toFixed(2)}` : "no preview yet";
    set(one(".more", row), training.error || [training.approach, training.source, time(training.seconds), best].filter(Boolean).join(" · "));
    const bar = one("progress", row);
    bar.value = training.done;
    bar.hidden = !["running", "stopping", "elsewhere"].includes(training.state);
  });
}

function entry(name) {
  const row = make("button", { type: "button", onclick: () => choose(name) },
    make("span", { class: "title" }, name), make("span", { class: "state" }), make("span", { class: "more" }),
    make("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` }));
  const item = make("li");
  item.append(row);
  return row;
}

async function again() {
  clearTimeout(soon);
  let wait = document.hidden ? 5000 : 1000;
  try {
    await look();
    lost(false);
  } catch (error) {
    if (error instanceof Refused) say(error.message);
    else lost(true);
    wait = 3000;
  }
  clearTimeout(soon);
  soon = setTimeout(again, wait);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) again(); });
try {
  await build((name) => {
    choose(name);
    if (innerWidth < 900) one("#trainings").scrollIntoView({ behavior: "smooth" });
  });
} catch (error) {
  lost(!(error instanceof Refused));
  if (error instanceof Refused) say(error.message);
}
again();
document.body.dataset.ready = "true";
