// The rack as it sounds: a row of cards for every lane, and the master chain.

import { control } from "./control.js";
import { Surface } from "./surface.js";
import { make, noteName, number, plain } from "./words.js";

const PHONE = matchMedia("(max-width: 599px)");
const folded = new Map(); // by plugin's address, as the player left it

export class Rack {
  constructor(element, hand) {
    this.element = element;
    this.hand = hand;
    this.controls = new Map();
    this.surfaces = [];
    this.feet = new Map();
    this.readouts = []; // frames may come before the rack
  }

  show(snapshot) {
    // A preset that was saved, or a connection that is back: every control may stay as it is.
    const shape = JSON.stringify(
      [snapshot.number, snapshot.lanes, snapshot.master],
      (key, value) => (key === "value" || key === "position" ? undefined : value),
    );
    if (shape === this.shape) {
      this.follow(snapshot);
      return;
    }
    this.shape = shape;
    for (const one of [...this.controls.values(), ...this.surfaces]) one.leave();
    const had = document.activeElement?.closest?.("[data-target]")?.dataset.target;
    this.controls.clear();
    this.surfaces = [];
    this.feet = new Map();
    const lanes = snapshot.lanes.map((lane) => this.lane(lane));
    if (snapshot.master.length) lanes.push(this.lane({ name: "master", strip: [], plugins: snapshot.master }));
    this.element.replaceChildren(...lanes);
    this.readouts = snapshot.readouts.map((address) => {
      const at = address.lastIndexOf(".");
      return [address.slice(0, at), address.slice(at + 1)];
    });
    for (const one of this.surfaces) one.watch(snapshot.readouts);
    if (had) this.controls.get(had)?.element.querySelector("[tabindex='0'], button")?.focus({ preventScroll: true });
  }

  follow({ lanes, master }) {
    const plugins = [...lanes.flatMap((lane) => lane.plugins), ...master];
    const params = [...lanes.flatMap((lane) => lane.strip), ...plugins.flatMap((one) => one.params)];
    for (const one of params) this.told(one.address, one.value, one.position);
  }

  told(address, value, position) {
    this.controls.get(address)?.follow(value, position);
    for (const one of this.surfaces) one.follow(address, value, position);
  }

  lane(lane) {
    const title = make("h2", {}, lane.name);
    if (lane.source) title.append(make("small", {}, `hears ${lane.source}`));
    const head = make("div", { class: "head" }, title);
    for (const param of lane.strip) head.append(this.control({ ...param, strip: true }));
    const cards = make("div", { class: "cards" }, ...lane.plugins.map((one) => this.card(one)));
    return make("section", { class: "lane", "aria-label": `Lane ${lane.name}` }, head, cards);
  }

  control(param) {
    const made = control(param, this.hand);
    this.controls.set(param.address, made);
    return made.element;
  }

  card(plugin) {
    const card = make("article", { class: "card", "aria-label": plugin.name });
    const bypass = plugin.params.find((one) => one.host && one.name === "bypass");
    const own = plugin.params.filter((one) => !one.host);
    const host = plugin.params.filter((one) => one.host && one !== bypass);
    const fold = make("button", { type: "button", class: "fold", title: plugin.help }, plugin.name);
    const settings = Object.values(plugin.settings).filter((one) => typeof one === "string" && one);
    if (settings.length) fold.append(make("small", {}, settings[0]));
    const body = make("div", { class: "body" });
    const set = (closed) => {
      card.classList.toggle("folded", closed);
      fold.setAttribute("aria-expanded", !closed);
    };
    set(folded.get(plugin.address) ?? PHONE.matches);
    fold.addEventListener("click", () => {
      const closed = !card.classList.contains("folded");
      folded.set(plugin.address, closed);
      set(closed);
    });
    const head = make("div", { class: "title" }, fold);
    if (bypass) {
      head.append(this.control(bypass));
      const made = this.controls.get(bypass.address);
      const draw = made.draw.bind(made);
      made.draw = () => {
        draw();
        card.classList.toggle("bypassed", made.value > 0.5);
      };
      made.draw();
    }
    const words = plugin.places.map((one) => plain(one.name));
    for (const one of own) if (plugin.ends.includes(one.address)) one.words = words;
    const surface = Surface.of(plugin, this.hand);
    if (surface) {
      this.surfaces.push(surface);
      body.append(surface.element);
      card.classList.add("wide");
    }
    const knobs = own.filter((one) => !one.choices.length);
    const choices = own.filter((one) => one.choices.length);
    if (knobs.length) {
      const grid = make("div", { class: "knobs" }, ...knobs.map((one) => this.control(one)));
      const columns = knobs.length <= 4 ? knobs.length : knobs.length <= 8 ? 4 : 6;
      grid.style.setProperty("--columns", columns);
      body.append(grid);
    }
    if (choices.length) body.append(make("div", { class: "choices" }, ...choices.map((one) => this.control(one))));
    const foot = make("p", { class: "readout" });
    this.feet.set(plugin.address, foot);
    body.append(make("div", { class: "host" }, ...host.map((one) => this.control(one))), foot);
    card.append(head, body);
    return card;
  }

  values(values) {
    for (const [address, [value, position]] of Object.entries(values)) this.told(address, value, position);
  }

  // The same, as it moves.
  heard(numbers) {
    for (const one of this.surfaces) one.heard(numbers);
  }

  // What plugins report, a line a card.
  report(numbers) {
    const lines = new Map();
    numbers.forEach((value, k) => {
      const [plugin, name] = this.readouts[k] ?? [];
      if (plugin) lines.set(plugin, { ...lines.get(plugin), [name]: value });
    });
    for (const [plugin, found] of lines) {
      const foot = this.feet.get(plugin);
      const text = phrase(found);
      if (foot && foot.textContent !== text) foot.textContent = text;
    }
  }
}

export const tunes = (found) => "hz" in found && "cents" in found && "note" in found;

function phrase(found) {
  if (tunes(found)) {
    if (found.hz <= 0) return "\u2013";
    const sign = Math.round(found.cents) >= 0 ? "+" : "\u2212";
    return `${noteName(found.note).join("")} ${sign}${Math.abs(found.cents).toFixed(0)} cents`;
  }
  return Object.entries(found).map(([name, value]) => {
    const db = name.endsWith("_db");
    return `${(db ? name.slice(0, -3) : name).replaceAll("_", " ")} ${number(value, db ? "dB" : "")}${db ? " dB" : ""}`;
  }).join(" \u00b7 ");
}
