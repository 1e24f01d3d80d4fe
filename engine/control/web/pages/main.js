// Puts the page together: what the server tells goes to the parts, what hands do to the server.

import { Graph } from "./graph.js";
import { Keys } from "./keys.js";
import { Learning } from "./learn.js";
import { Link } from "./link.js";
import { Meters, Tuner } from "./meters.js";
import { Pad } from "./pad.js";
import { Pulse } from "./pulse.js";
import { Rack } from "./rack.js";
import { make, parsed } from "./words.js";

const HEAD = 19; // numbers of a frame before the readouts; 12 is the time recorded
const REPORT_MS = 100;
const SAID_MS = 4000;
const $ = (id) => document.getElementById(id);

let role = "watch";
let latest = null;
let drawing = false;
let reported = 0;
let bpm = ""; // as the server has it
let taken = []; // names of presets
const may = () => role === "play";
const send = (message) => link.send(message);
const hand = {
  may,
  place: (address, position) => link.move(address, { do: "place", address, position }),
  set: (address, value) => send({ do: "set", address, value }),
  reset: (address) => send({ do: "reset", address }),
  xy: (x, y) => link.move("xy", { do: "xy", x, y }),
  assign: (across, up) => send({ do: "assign", across, up }),
};

const rack = new Rack($("rack"), hand);
const pad = new Pad($("pad"), hand);
const meters = new Meters($("levels"));
const tuner = new Tuner($("tuner"));
const pulse = new Pulse($("pulse"), {
  may,
  tap: () => may() && !learning.on && send({ do: "tap" }),
  say: (what) => send({ do: "pulse", what }),
});
const graph = new Graph($("graph"), $("figures"), $("facts"), $("health"));
const learning = new Learning(send);
const keys = new Keys($("keys"), (note, velocity) => may() && send({ do: "note", note, velocity }));
const link = new Link({ open: opened, lost, facts: told, frame: framed });

// --- what is told

function opened() {
  if (learning.on) learning.set(false); // nobody knows what was heard of it meanwhile
  $("lost").hidden = true;
  document.body.classList.remove("off");
}

function lost(text) {
  if ($("lost").textContent !== text) $("lost").textContent = text; // it is read aloud
  $("lost").hidden = false;
  document.body.classList.add("off");
}

function told(facts) {
  if (facts.role) {
    role = facts.role;
    document.body.classList.toggle("watch", role !== "play");
  }
  if (facts.snapshot) redraw(facts.snapshot);
  if (facts.values) {
    rack.values(facts.values);
    pad.values(facts.values);
  }
  if (facts.standing) stand(facts.standing);
  if (facts.mappings) learning.show(facts);
  if ("learn" in facts) learning.told(facts.learn);
  if (facts.history) graph.history(facts.history);
  if (facts.rows) graph.add(facts.rows);
  if (facts.facts) graph.facts(facts.facts);
  if (facts.message) say(facts.message);
  if (facts.error) say(facts.error, true);
}

function redraw(snapshot) {
  rack.show(snapshot);
  pad.show(snapshot);
  tuner.find(snapshot.readouts);
  pulse.find(snapshot.pulse);
  $("name").children[0].textContent = `${snapshot.number + 1}  ${snapshot.name}`;
  $("name").children[1].textContent = snapshot.about;
  document.title = `${snapshot.name} \u2013 taraf`;
  const list = $("presets").querySelector("ol");
  list.replaceChildren(...snapshot.presets.map((one, number) => {
    const button = make("button", {
      type: "button", "data-target": `action:select:${number}`,
      "aria-current": number === snapshot.number ? "true" : null,
    }, make("i", {}, String(number + 1)), make("span", {}, make("b", {}, one.name), make("small", {}, one.about)));
    button.addEventListener("click", () => send({ do: "select", number }));
    return make("li", {}, button);
  }));
  taken = snapshot.library;
  const library = $("library").querySelector("ul");
  library.replaceChildren(...snapshot.library.map((name, number) => {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => send({ do: "open", number, name }));
    return make("li", {}, button);
  }));
  keys.show(snapshot.notes);
  stand(snapshot);
  learning.show(snapshot);
  document.body.dataset.ready = String(snapshot.number);
}

function stand(now) {
  const press = (id, on) => $(id).setAttribute("aria-pressed", Boolean(on));
  idle("undo", !now.undo);
  idle("redo", !now.redo);
  idle("compare", !now.changed && !now.compared);
  press("compare", now.compared && !now.changed);
  $("compare").textContent = now.compared ? (now.changed ? "B: mine" : "A: saved") : "A/B";
  $("name").classList.toggle("changed", now.changed);
  press("bypass", now.bypassed);
  pulse.held(now.held);
  const all = $("presets").querySelectorAll("ol > li").length;
  $("built").textContent = now.ready < all ? `${now.ready} of ${all} ready` : "";
  press("record", now.recording);
  if (!now.recording) $("record").lastChild.textContent = "Record";
  bpm = String(Number(now.tempo_bpm.toFixed(1)));
  if (document.activeElement !== $("bpm")) $("bpm").value = bpm;
  if (String(now.xy) !== String(pad.pair)) pad.follow(now.xy);
}

// Not "disabled": a button that does nothing now can still be learnt.
function idle(id, on) {
  $(id).setAttribute("aria-disabled", on);
}

function say(text, wrong = false) {
  const line = make("p", wrong ? { class: "wrong" } : {}, text);
  $("said").append(line);
  while ($("said").children.length > 3) $("said").firstChild.remove();
  setTimeout(() => line.remove(), SAID_MS);
}

// --- what moves by itself

function framed(frame) {
  latest = frame;
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

let seen = 0;
function draw(now) {
  drawing = false;
  const numbers = latest.subarray(HEAD);
  meters.show(latest, now);
  tuner.show(numbers);
  pulse.show(latest, now);
  rack.heard(numbers);
  if (now - reported > REPORT_MS) {
    reported = now;
    rack.report(numbers);
    if ($("record").getAttribute("aria-pressed") === "true") {
      const seconds = Math.floor(latest[12]);
      const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if ($("record").lastChild.textContent !== text) $("record").lastChild.textContent = text;
    }
  }
  // A page that is hidden or slow draws and says nothing, and is sent no more until it does.
  seen += 1;
  if (seen % 10 === 0) send({ do: "seen" });
}

// --- what hands do

const buttons = {
  previous: { do: "step", by: -1 }, next: { do: "step", by: 1 }, tap: { do: "tap" },
  record: { do: "record" }, bypass: { do: "bypass" }, panic: { do: "panic" },
  undo: { do: "undo" }, redo: { do: "redo" }, compare: { do: "compare" }, save: { do: "save" },
};
for (const [id, message] of Object.entries(buttons)) {
  // A tap counts when the finger comes down, not when it leaves.
  if (id === "tap") {
    $(id).addEventListener("pointerdown", () => may() && !learning.on && send(message));
    $(id).addEventListener("click", (event) => event.detail === 0 && may() && send(message));
  } else $(id).addEventListener("click", () => may() && send(message));
}

function tempo() {
  const value = parsed($("bpm").value);
  if (Number.isFinite(value)) send({ do: "tempo", tempo_bpm: value });
}
$("bpm").addEventListener("change", tempo);
$("bpm").addEventListener("focus", () => $("bpm").select());
$("bpm").addEventListener("blur", () => ($("bpm").value = bpm)); // the server may refuse
$("bpm").addEventListener("keydown", (event) => {
  if (event.key === "Escape") $("bpm").value = bpm;
  if (event.key === "Enter" || event.key === "Escape") $("bpm").blur();
});

const [SAVE, REPLACE] = ["Save", "Replace the one there is"];
// The same rule as preset.save.
const fileName = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 32) || "mine";

function saveAs() {
  const name = $("newname").value.trim();
  if (!name) return;
  if ($("dosave").textContent === SAVE && taken.includes(fileName(name))) {
    $("dosave").textContent = REPLACE; // once more, and it is
    return;
  }
  send({ do: "save", name });
  $("naming").close();
}
$("saveas").addEventListener("click", () => {
  $("newname").value = $("name").children[0].textContent.replace(/^\d+\s+/, "");
  $("dosave").textContent = SAVE;
  $("naming").showModal();
  $("newname").select();
});
$("dosave").addEventListener("click", saveAs);
$("nosave").addEventListener("click", () => $("naming").close());
$("newname").addEventListener("input", () => ($("dosave").textContent = SAVE));
$("newname").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // or it would press the button that has the focus next
  saveAs();
});

for (const button of document.querySelectorAll("nav button")) {
  button.addEventListener("click", () => {
    document.body.dataset.tab = button.dataset.tab;
    for (const one of document.querySelectorAll("nav button")) one.setAttribute("aria-pressed", one === button);
    scrollTo(0, 0);
  });
}

const shortcuts = {
  " ": "tap", ArrowLeft: "previous", ArrowRight: "next", b: "bypass", p: "panic", r: "record", u: "undo",
};
const words = { h: "half", d: "double", j: "sooner", k: "later", o: "one", f: "hold" };
document.addEventListener("keydown", (event) => {
  const free = event.target === document.body && !event.ctrlKey && !event.metaKey && !event.altKey;
  const word = pulse.there && words[event.key];
  if (!free || !may() || event.repeat || !(event.key in shortcuts || word)) return;
  event.preventDefault();
  send(word ? { do: "pulse", what: word } : buttons[shortcuts[event.key]]);
});
