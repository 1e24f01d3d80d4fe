// Asks every second how the jobs stand, and does what is pressed.

import { COLOURS, plot } from "./plot.js";

const one = (css) => document.querySelector(css);
const rows = new Map(); // name -> its item in the list
const compared = new Set(); // names of jobs that are drawn beside the one that is open
let current = decodeURIComponent(location.hash.slice(1));
let latest = { jobs: [], rack: "", may: false };
let details = null;
let others = [];
let soon = 0;
let silence = 0;
let heard = "";

function make(kind, given = {}, ...inside) {
  const found = document.createElement(kind);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) found.setAttribute(name, value === true ? "" : value);
  }
  found.append(...inside);
  return found;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function say(text) {
  const said = one("#said");
  said.textContent = text;
  said.hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => { said.hidden = true; }, 8000);
}

class Refused extends Error {}

async function ask(path, given) {
  const reply = await fetch(path, given === undefined ? {} : { method: "POST", body: JSON.stringify(given) });
  let told = {};
  try { told = await reply.json(); } catch { /* told below */ }
  if (!reply.ok) throw new Refused(told.error || `taraf said ${reply.status}`);
  return told;
}

const at = (name) => `api/jobs/${encodeURIComponent(name)}`;

function time(seconds) {
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, "0");
  return `${whole >= 3600 ? `${Math.floor(whole / 3600)}:` : ""}${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

const told = (scores) => Object.entries(scores).map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`).join(", ");

function entry(name) {
  const open = make("button", { type: "button", class: "open", onclick: () => choose(name) },
    make("span", { class: "title" }), make("span", { class: "state" }), make("span", { class: "more" }),
    make("progress", { max: 1, value: 0 }));
  const box = make("input", { type: "checkbox", "aria-label": `Compare ${name}`, title: "Compare", onchange: (event) => {
    if (event.target.checked) compared.add(name);
    else compared.delete(name);
    again();
  } });
  return make("li", {}, open, make("label", {}, box));
}

function list() {
  one("#none").hidden = latest.jobs.length > 0;
  for (const [name, row] of rows) {
    if (latest.jobs.some((job) => job.name === name)) continue;
    row.remove();
    rows.delete(name);
    compared.delete(name);
  }
  latest.jobs.forEach((job, k) => {
    if (!rows.has(job.name)) rows.set(job.name, entry(job.name));
    const row = rows.get(job.name);
    const there = one("#list").children[k];
    if (there !== row) one("#list").insertBefore(row, there || null);
    const part = (css) => row.querySelector(css);
    set(part(".title"), job.title);
    set(part(".state"), job.state);
    part(".state").className = `state ${job.state}`;
    set(part(".more"), [job.error || job.text, job.seconds ? time(job.seconds) : "", told(job.scores)].filter(Boolean).join(" · "));
    part("progress").value = job.done;
    part("progress").hidden = !["running", "stopping"].includes(job.state);
    part(".open").setAttribute("aria-current", job.name === current);
  });
}

function curves() {
  const kinds = new Map(); // what is measured -> lines
  for (const job of [details, ...others]) {
    for (const [name, points] of Object.entries(job.curves)) {
      const unit = job.units[name] || name;
      const called = [others.length ? job.title : "", name === unit ? "" : name].filter(Boolean).join(", ") || name;
      if (!kinds.has(unit)) kinds.set(unit, []);
      kinds.get(unit).push({ name: called, points });
    }
  }
  const select = one("#curve");
  const names = [...kinds.keys()];
  if (String(names) !== String([...select.options].map((option) => option.value))) {
    const had = select.value;
    select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    select.value = names.includes(had) ? had : names.find((name) => /esr|merit|rmse|bits|beat/.test(name)) || names[0] || "";
  }
  one("#which").hidden = names.length < 2;
  const lines = kinds.get(select.value) || [];
  plot(one("#plot"), lines);
  one("#legend").replaceChildren(...lines.map((line, k) => {
    const key = make("i");
    key.style.background = COLOURS[k % COLOURS.length];
    return make("span", {}, key, `${line.name} ${Number(line.points.at(-1)[1].toPrecision(3))}`);
  }));
}

function show() {
  one("#one").hidden = !details;
  if (!details) return;
  const job = details;
  set(one("#one-title"), job.title);
  set(one("#state"), [job.state, job.seconds ? time(job.seconds) : "", job.error || job.text].filter(Boolean).join(" · "));
  set(one("#words"), `taraf ${job.words.join(" ")}`);
  const open = ["waiting", "running", "stopping"].includes(job.state);
  one("#stop").disabled = !latest.may || !open || (job.state === "stopping" && job.kind !== "sweep");
  one("#resume").disabled = !latest.may || (open && job.state !== "waiting");
  one("#deploy").disabled = !latest.may || !latest.rack || !job.models.some((model) => model.plays);
  one("#deploy").title = latest.rack ? `Into ${latest.rack}, as one more preset` : "taraf live --web has this page beside a rack that sounds";
  curves();
  const wanted = `${job.name} ${job.previews.join("|")} ${job.state}`;
  if (wanted !== heard) { // a player that plays is not drawn anew
    heard = wanted;
    one("#previews").replaceChildren(...job.previews.map((label, k) =>
      make("figure", {}, make("figcaption", {}, label), make("audio", { controls: true, preload: "none", src: `${at(job.name)}/preview/${k}` }))));
  }
  one("#models").hidden = !job.models.length;
  one("#models tbody").replaceChildren(...job.models.map((model) => make("tr", {}, make("td", {}, model.name), make("td", {}, model.plays), make("td", {}, told(model.scores)))));
  set(one("#log"), job.log);
}

async function look() {
  latest = await ask("api/jobs");
  set(one("#rack"), latest.rack ? `${latest.rack} sounds` : "");
  const known = latest.jobs.map((job) => job.name);
  if (!known.includes(current)) current = (latest.jobs.find((job) => job.state === "running") || latest.jobs[0] || { name: "" }).name;
  list();
  details = current ? await ask(at(current)) : null;
  others = await Promise.all([...compared].filter((name) => name !== current && known.includes(name)).map((name) => ask(at(name))));
  show();
  document.body.dataset.looked = String(Number(document.body.dataset.looked || 0) + 1);
}

async function again() {
  clearTimeout(soon);
  let wait = document.hidden ? 5000 : 1000;
  try {
    await look();
    one("#lost").hidden = true;
  } catch (error) {
    if (error instanceof Refused) say(error.message);
    else one("#lost").hidden = false;
    wait = 3000;
  }
  clearTimeout(soon);
  soon = setTimeout(again, wait);
}

function choose(name) {
  current = name;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  again();
}

async function act(what, given, done) {
  try {
    say(await done(await ask(`${at(current)}/${what}`, given)));
  } catch (error) {
    say(error.message);
  }
  again();
}

async function deployed(told) {
  for (const began = Date.now(); told.deploying; told = await ask(`api/deploys/${told.deploying}`)) {
    say(`the model is being put into the rack, for ${time((Date.now() - began) / 1000)}; what sounds plays on`);
  }
  return `${told.preset} sounds`;
}

one("#stop").addEventListener("click", () => act("stop", {}, () => "it is asked to stop"));
one("#resume").addEventListener("click", () => act("resume", {}, () => "it waits for its turn"));
one("#deploy").addEventListener("click", () => act("deploy", {}, deployed));
one("#curve").addEventListener("change", () => curves());
document.addEventListener("visibilitychange", () => { if (!document.hidden) again(); });
again();
