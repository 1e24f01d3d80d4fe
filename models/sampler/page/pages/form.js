// The form of a new training: every value, its usual one where nothing is typed, what is wrong.

import { ask, make, one, Refused, say } from "./base.js";

const fields = new Map(); // name -> {box, input, wrong, group}
let form = { values: {}, presets: {}, groups: {} };
let asked = 0;
let due = 0;

export async function build(launched) {
  form = await ask("/api/form");
  one("#where").textContent = `a sound file under ${form.folder}, or one that you upload`;
  one("#preset").append(...Object.keys(form.presets).map((name) => make("option", { value: name }, name)));
  one("#preset").addEventListener("change", usePreset);
  const source = one("[data-value=source]");
  fields.set("source", { box: source, input: one("#source"), wrong: one(".wrong", source) });
  Object.entries(form.groups).forEach(([title, names], k) => one("#groups").append(group(title, names, k === 0)));
  one("#new").addEventListener("input", () => checkSoon());
  one("#new").addEventListener("submit", (event) => { event.preventDefault(); launch(launched); });
  one("#pick").addEventListener("click", () => one("#file").click());
  one("#again").addEventListener("click", () => look(one("#source").value));
  one("#file").addEventListener("change", upload);
  await look("");
  usePreset();
}

function group(title, names, open) {
  const count = make("span", { class: "count" });
  const values = make("div", { class: "values" });
  const whole = make("details", { open }, make("summary", {}, title, count), values);
  for (const name of names) values.append(field(name, { whole, count, names }));
  return whole;
}

function field(name, of) {
  const value = form.values[name];
  const about = { name, id: `value-${name}`, "aria-describedby": `help-${name}` };
  const input = value.choices.length
    ? make("select", about, make("option", { value: "" }), ...value.choices.map((c) => make("option", { value: c }, c)))
    : make("input", { ...about, inputmode: value.keys === "text" ? false : value.keys, spellcheck: "false" });
  const wrong = make("p", { class: "wrong", hidden: true });
  const help = make("small", { class: "help", id: `help-${name}`, title: value.allowed }, value.help);
  if (!value.choices.length) help.append(make("br"), value.allowed);
  const box = make("div", { class: "field", "data-value": name },
    make("label", { class: "name", for: about.id }, name), input, help, wrong);
  fields.set(name, { box, input, wrong, of });
  return box;
}

function usePreset() {
  const given = form.presets[one("#preset").value] || {};
  for (const [name, { input }] of fields) if (name !== "source") input.value = given[name] ?? "";
  checkSoon(0);
}

function typed() {
  const values = {};
  for (const [name, { input }] of fields) if (input.value.trim()) values[name] = input.value;
  return values;
}

function checkSoon(wait = 200) {
  clearTimeout(due);
  due = setTimeout(check, wait);
}

// Ask the server what it makes of the form; only the newest answer counts.
async function check() {
  const number = ++asked;
  try {
    const told = await ask("/api/check", { values: typed() });
    if (number === asked) show(told);
  } catch (error) {
    if (error instanceof Refused && number === asked) wrong(error.message);
  }
}

function show(told) {
  for (const [name, one_] of fields) {
    const said = told.errors[name] || "";
    one_.box.classList.toggle("is-wrong", Boolean(said));
    one_.input.setAttribute("aria-invalid", Boolean(said));
    one_.wrong.textContent = said;
    one_.wrong.hidden = !said;
    if (name !== "source") usual(one_.input, told.usual[name] ?? "");
  }
  for (const { of } of fields.values()) if (of) tally(of, told.errors);
  one("#name").placeholder = told.name || "";
  const shown = Object.keys(told.errors).length;
  wrong(shown ? "" : told.error);
  document.body.dataset.checked = String(asked);
}

function usual(input, text) {
  if (input.tagName === "SELECT") {
    input.options[0].textContent = text ? `${text} (usual)` : "";
    input.classList.toggle("usual", !input.value);
  } else {
    input.placeholder = text;
  }
}

function tally({ whole, count, names }, errors) {
  const bad = names.filter((name) => errors[name]).length;
  const own = names.filter((name) => fields.get(name).input.value.trim()).length;
  count.classList.toggle("bad", bad > 0);
  count.textContent = bad ? `${bad} wrong` : own ? `${own} of ${names.length} set` : `${names.length} usual`;
  if (bad) whole.open = true;
}

function wrong(text) {
  one("#wrong").textContent = text;
  one("#wrong").hidden = !text;
}

async function launch(launched) {
  const button = one("#launch");
  button.disabled = true;
  wrong("");
  try {
    const { name } = await ask("/api/trainings", { values: typed(), name: one("#name").value });
    one("#name").value = "";
    checkSoon(0);
    launched(name);
  } catch (error) {
    if (error instanceof Refused) wrong(error.message);
    else throw error;
  } finally {
    button.disabled = false;
  }
}

async function look(chosen) {
  const { sources } = await ask("/api/sources");
  const select = one("#source");
  select.replaceChildren(make("option", { value: "" }, sources.length ? "Choose a recording" : "None here: upload one"),
    ...sources.map((name) => make("option", { value: name }, name)));
  select.value = sources.includes(chosen) ? chosen : "";
}

function upload() {
  const file = one("#file").files[0];
  if (!file) return;
  const bar = one("#sent");
  const sending = new XMLHttpRequest(); // it tells how far it is, which fetch does not
  sending.open("POST", `/api/sources?name=${encodeURIComponent(file.name)}`);
  sending.upload.onprogress = (event) => { bar.value = event.loaded / Math.max(1, event.total); };
  sending.onload = async () => {
    let told = {};
    try { told = JSON.parse(sending.responseText); } catch { /* told below */ }
    if (sending.status === 200) {
      await look(told.source);
      checkSoon(0);
    } else {
      say(told.error || `the recording was not taken (${sending.status})`);
    }
  };
  sending.onerror = () => say("the recording could not be sent");
  sending.onloadend = () => { bar.hidden = true; one("#file").value = ""; };
  bar.value = 0;
  bar.hidden = false;
  sending.send(file);
}

// Begin a new one with the values of another.
export function useJob(job, run) {
  for (const [name, { input }] of fields) {
    const value = name in job ? job[name] : run[name];
    if (name !== "source" && value !== undefined) input.value = Array.isArray(value) ? value.join(", ") : String(value);
  }
  checkSoon(0);
  one("#new").scrollIntoView({ behavior: "smooth" });
}
