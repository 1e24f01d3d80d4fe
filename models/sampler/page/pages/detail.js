// One training: where it stands, its loss curve, its previews to hear, and what can be done with it.

import { ask, figure, make, one, Refused, say, set, time } from "./base.js";
import { curve } from "./curve.js";
import { useJob } from "./form.js";

const CRITERIA = { C1: "free of artefacts", C2: "resembles the source", C3: "no literal copy", C4: "not stuck" };
export const STATES = {
  waiting: "waits", starting: "starting", running: "learning", stopping: "stopping", elsewhere: "learning elsewhere",
  stopped: "stopped", broken: "broken off", done: "done", failed: "failed",
};
const BUSY = ["starting", "running", "stopping", "elsewhere"];
const SHOWN = 12;

let shown = { name: "", epoch: 0, rows: 0, curve: [], files: new Map(), all: false, loaded: false };
let parts = {};

export const current = () => shown.name;
export const asks = () => `/api/trainings/${shown.name}?epoch=${shown.epoch}&since=${shown.rows}`;

export function open(name) {
  shown = { name, epoch: 0, rows: 0, curve: [], files: new Map(), all: false, loaded: false };
  const detail = one("#detail");
  detail.hidden = !name;
  detail.replaceChildren();
  if (name) lay(detail, name);
}

function lay(detail, name) {
  const at = `/api/trainings/${name}`;
  const act = (what, given = {}) => async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await ask(`${at}/${what}`, given);
      if (what === "remove") open("");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(error.message);
    } finally { button.disabled = false; }
  };
  const minutes = make("input", { id: "more", inputmode: "decimal", "aria-label": "Minutes of training altogether" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "curve");
  svg.setAttribute("role", "img");
  parts = {
    svg, minutes,
    state: make("span", { class: "state" }), error: make("p", { class: "error", hidden: true }),
    about: make("p", { class: "note" }),
    note: make("p", { class: "note", hidden: true }), bar: make("progress", { max: 1, value: 0, "aria-label": "Progress" }),
    figures: make("dl", { class: "figures" }),
    stop: make("button", { type: "button", id: "stop", onclick: act("stop") }, "Stop"),
    resume: make("button", { type: "button", id: "resume", onclick: (e) => act("resume", { minutes: minutes.value })(e) }, "Go on"),
    remove: make("button", { type: "button", id: "remove", onclick: act("remove") }, "Remove"),
    copy: make("button", { type: "button", id: "copy" }, "New one like this"),
    report: make("a", { class: "button", id: "report", target: "_blank", rel: "noopener", href: `${at}/report.html` }, "Report"),
    model: make("a", { class: "button", id: "model", href: `${at}/best.npz` }, "Model"),
    dreams: make("ul", { id: "dreams" }), more: make("button", { type: "button", hidden: true, onclick: () => { shown.all = true; trim(); } }, "Show all previews"),
    follow: make("input", { type: "checkbox", id: "follow" }), quiet: make("p", { class: "note" }, "The first preview comes after some seconds of learning."),
    job: make("dl", { id: "job" }), source: make("audio", { controls: true, preload: "none", src: `${at}/source.wav`, "aria-label": "What is learnt" }),
    hearing: make("div", { hidden: true }),
  };
  parts.again = make("span", { class: "more-minutes" }, parts.resume, make("span", {}, "to"), minutes, make("span", {}, "minutes"));
  parts.hearing.append(make("h4", {}, "What is learnt"), parts.source);
  detail.append(
    make("div", { class: "head" }, make("h3", {}, name), parts.state), parts.about, parts.error, parts.note, parts.figures, parts.bar,
    make("div", { class: "row" }, parts.stop, parts.again, parts.remove, parts.report, parts.model,
      make("a", { class: "button", id: "download", href: `${at}/job.json` }, "Job as JSON"), parts.copy),
    make("h4", {}, "Loss"),
    make("figure", {}, svg, make("figcaption", {}, "Less is better. Circles are previews, a filled one was the best when it came.")),
    parts.hearing,
    make("h4", {}, "Previews"),
    make("label", { class: "follow" }, parts.follow, "Play each new one when it comes"),
    parts.quiet, parts.dreams, parts.more,
    make("details", {}, make("summary", {}, "All values of the job"), parts.job),
  );
}

export function show(told) {
  if (told.name !== shown.name || (told.since !== 0 && told.since !== shown.rows)) return;
  if (told.since === 0) shown.curve = [];
  const grew = told.since === 0 || told.curve.length > 0;
  shown.curve.push(...told.curve);
  [shown.rows, shown.epoch] = [told.rows, told.epoch];
  if (shown.curve.length > 4000) shown.curve = shown.curve.filter((_, k) => k % 2 === 0 || k > 3900);
  stands(told);
  const fresh = dreams(told.dreams);
  const wide = parts.svg.clientWidth; // a phone may have been turned
  if (grew || fresh || wide !== shown.wide) curve(parts.svg, shown.curve, told.dreams);
  shown.wide = wide;
  job(told);
}

function stands(told) {
  const busy = BUSY.includes(told.state);
  parts.state.className = `state ${told.state}`;
  set(parts.state, STATES[told.state]);
  set(parts.about, [told.source, told.approach].filter(Boolean).join(", "));
  set(parts.error, told.error);
  parts.error.hidden = !told.error;
  const notes = {
    waiting: "It begins when the one before it has ended.",
    starting: "It reads the recording and makes its network.",
    stopping: "It makes a last preview and keeps the best.",
    elsewhere: "It was started on the command line; Ctrl-C there stops it.",
    broken: "Its process has ended without a word. Nothing is lost: go on from the last checkpoint.",
  };
  set(parts.note, notes[told.state] || "");
  parts.note.hidden = !notes[told.state];
  parts.bar.value = told.done;
  parts.bar.hidden = !busy;
  parts.stop.hidden = !(busy || told.state === "waiting") || told.state === "elsewhere";
  parts.stop.disabled = told.state === "stopping";
  set(parts.stop, told.state === "waiting" ? "Do not begin" : "Stop, keep the best");
  parts.again.hidden = busy || told.state === "waiting";
  set(parts.resume, told.resumable ? "Go on" : "Begin again");
  parts.minutes.placeholder = figure(told.minutes);
  parts.remove.hidden = busy || told.resumable;
  parts.report.hidden = !told.resumable;
  parts.model.hidden = !told.plays;
  if (parts.hearing.hidden && told.rows) parts.hearing.hidden = false;
  parts.copy.onclick = () => useJob(told.job, told.run);
  const left = busy && told.left != null ? time(told.left) : null;
  facts({
    time: time(told.seconds),
    ...(left ? { left } : {}), done: `${(100 * told.done).toFixed(0)} %`, steps: String(told.step),
    loss: figure(told.loss), "best merit": told.best ? told.best.merit.toFixed(2) : "–",
  });
}

function facts(given) {
  const names = Object.keys(given);
  if ([...parts.figures.children].map((e) => e.dataset.of).join() !== names.join()) {
    parts.figures.replaceChildren(...names.map((name) => make("div", { "data-of": name }, make("dt", {}, name), make("dd", {}))));
  }
  for (const name of names) set(one(`[data-of="${name}"] dd`, parts.figures), given[name]);
}

// New previews come on top; those there are left alone, for one of them may be playing.
function dreams(told) {
  const best = told.findLast((dream) => dream.best);
  let fresh = false;
  for (const [key, row] of shown.files) if (!told.some((d) => d.file === key)) { row.remove(); shown.files.delete(key); }
  for (const dream of told) {
    if (!dream.file || shown.files.has(dream.file)) continue;
    const row = preview(dream);
    shown.files.set(dream.file, row);
    parts.dreams.prepend(row);
    fresh = true;
    if (dream === told.at(-1) && shown.loaded && parts.follow.checked) play(row);
  }
  for (const [file, row] of shown.files) {
    const is = best !== undefined && file === best.file;
    row.classList.toggle("best", is);
    one(".badge", row).hidden = !is;
  }
  parts.quiet.hidden = shown.files.size > 0;
  shown.loaded = true;
  if (fresh) trim();
  return fresh;
}

function trim() {
  [...parts.dreams.children].forEach((row, k) => {
    row.hidden = !shown.all && k >= SHOWN && !row.classList.contains("best");
  });
  parts.more.hidden = shown.all || parts.dreams.children.length <= SHOWN;
}

function play(row) {
  for (const other of document.querySelectorAll("audio")) if (other.played.length && !other.paused) return;
  one("audio", row).play().catch(() => say("The browser wants you to press play once before it plays by itself."));
}

function preview(dream) {
  const grades = Object.entries(dream.grades).map(([name, grade]) => {
    const about = (dream.criteria[name] && dream.criteria[name].about) || CRITERIA[name] || name;
    return make("span", { class: `grade ${grade}`, title: about }, `${about}: ${grade}`);
  });
  return make("li", {},
    make("div", { class: "dream-head" },
      make("span", { class: "when" }, `${time(dream.seconds)}, step ${dream.step}`),
      make("span", { class: "badge", hidden: true }, "best, kept"),
      make("span", { class: "grade" }, grades.length ? `merit ${dream.merit.toFixed(2)}` : "not scored")),
    make("audio", { controls: true, preload: "none", src: `/api/trainings/${shown.name}/previews/${dream.file}`, "aria-label": `Preview at step ${dream.step}` }),
    grades.length ? make("div", { class: "row" }, ...grades) : null,
    grades.length ? make("details", {}, make("summary", {}, "Every value"), measured(dream)) : null);
}

function measured(dream) {
  const rows = Object.values(dream.criteria).flatMap((criterion) =>
    Object.entries(criterion.values || {}).map(([name, value]) => make("tr", {},
      make("td", {}, value.told || name),
      make("td", { class: "figure" }, `${figure(value.value)}${value.unit ? ` ${value.unit}` : ""}`),
      make("td", {}, make("span", { class: `grade ${value.grade}` }, value.grade || "")))));
  return make("table", {}, ...rows);
}

function job(told) {
  if (parts.job.dataset.is === JSON.stringify(told.job)) return;
  parts.job.dataset.is = JSON.stringify(told.job);
  parts.job.replaceChildren(...Object.entries(told.job).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, Array.isArray(value) ? value.join(" × ") : String(value)))));
}
