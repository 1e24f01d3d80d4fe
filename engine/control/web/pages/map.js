// A map of sounds: alike ones are near each other; a player drops the ends of a morph on it.

import { lettering } from "./lettering.js";
import { label, make, plain, spoken, svg } from "./words.js";

const EDGE = 26; // pixels that no point is nearer to the side than
const SETTLE_MS = 300; // as of every control
const DRAGGED = 6; // pixels
const HANG = 16; // pixels that a letter hangs off its sound, both ways
const LETTER = 13; // pixels, half of its size
const COLOURS = [
  "#4fd1c5", "#ffb454", "#ff7d75", "#8ab4ff", "#8fe08f", "#d59bff", "#f3e45c", "#ff9ecb", "#cfa57c",
  "#7fe3ff", "#c4ea7d", "#c2c8ce",
];
// Where each end's letter hangs, so that two on one sound are both seen; as the pad's corners.
const HANGS = [[-1, 1], [1, 1], [-1, -1], [1, -1]];

export class SoundMap {
  // plugin: {ends: addresses, places: [{name, family, across, up}], ...}; hand: {may(), set()}
  constructor(plugin, params, hand) {
    this.hand = hand;
    this.places = plugin.places;
    this.ends = plugin.ends.map((address, k) => this.end(params.get(address), k));
    this.active = this.ends[0];
    this.at = [0, 0];
    this.families = [...new Set(this.places.map((one) => one.family))];
    this.build();
    this.watcher = new ResizeObserver(() => this.lay());
    this.watcher.observe(this.field);
  }

  leave() {
    this.watcher.disconnect();
  }

  colour(family) {
    return COLOURS[this.families.indexOf(family) % COLOURS.length];
  }

  end(param, k) {
    const element = make("div", {
      class: "end", role: "slider", tabindex: "0", "data-end": param.name, "data-target": param.address,
      "aria-label": `${spoken(param.address, param)}, a sound on the map`, "aria-valuemin": 0,
      "aria-valuemax": this.places.length - 1,
    }, make("b", {}, label(param).slice(0, 1).toUpperCase()));
    const end = { param, element, hang: HANGS[k % HANGS.length], number: Math.round(param.value), heldUntil: 0 };
    element.addEventListener("pointerdown", (event) => this.grab(event, end));
    element.addEventListener("keydown", (event) => this.key(event, end));
    element.addEventListener("focus", () => this.activate(end));
    return end;
  }

  build() {
    this.picture = svg("svg", { "aria-hidden": "true" });
    this.way = svg("polygon", { class: "way" });
    this.point = svg("circle", { class: "point", r: 8 });
    this.dots = this.places.map((one) => svg("circle", { class: "dot", r: 5, fill: this.colour(one.family) }));
    this.names = this.places.map((one) => {
      const text = svg("text", { fill: this.colour(one.family) });
      text.textContent = plain(one.name);
      return text;
    });
    this.picture.append(this.way, ...this.dots, ...this.names, this.point);
    this.field = make("div", { class: "map" }, this.picture, ...this.ends.map((one) => one.element));
    this.field.addEventListener("click", (event) => this.tap(event));
    this.field.addEventListener("pointermove", (event) => this.hover(event));
    this.field.addEventListener("pointerleave", () => this.name(null));
    this.said = make("p", { class: "said" });
    const legend = this.families.map((family) => {
      const mark = make("i");
      mark.style.background = this.colour(family);
      return make("span", {}, mark, plain(family));
    });
    this.element = make("div", { class: "sounds", role: "group", "aria-label": "Map of the sounds" },
      this.field, this.said, make("p", { class: "families" }, ...legend));
    this.activate(this.active);
  }

  // What the server says.
  follow(address, value) {
    const end = this.ends.find((one) => one.param.address === address);
    if (!end) return;
    end.told = Math.round(value);
    if (end.dragged || performance.now() < end.heldUntil || end.told === end.number) return;
    end.number = end.told;
    this.draw();
  }

  // Where the morph stands, 0 to 1 across and up.
  stand(x, y) {
    this.at = [x, y];
    this.mark();
  }

  // What a hand does: this end is that sound.
  choose(end, number) {
    if (!this.hand.may() || !this.places[number]) return;
    this.activate(end);
    if (number !== end.number) {
      end.number = number;
      end.heldUntil = performance.now() + SETTLE_MS;
      clearTimeout(end.settling);
      end.settling = setTimeout(() => end.told !== undefined && this.follow(end.param.address, end.told), SETTLE_MS + 10);
      this.hand.set(end.param.address, number);
    }
    this.draw();
  }

  activate(end) {
    this.active = end;
    for (const one of this.ends) one.element.classList.toggle("active", one === end);
    this.name(null);
  }

  grab(event, end) {
    if (event.button !== 0 || end.dragged || !this.hand.may()) return;
    event.preventDefault();
    end.element.focus({ preventScroll: true });
    end.element.setPointerCapture(event.pointerId);
    end.dragged = true;
    const from = [event.clientX, event.clientY];
    let far = false;
    const move = (next) => {
      if (next.pointerId !== event.pointerId) return;
      far ||= Math.hypot(next.clientX - from[0], next.clientY - from[1]) > DRAGGED;
      if (!far) return;
      end.element.classList.add("held");
      const [x, y] = this.under(next);
      hang(end.element, x, y);
      this.name(this.nearest(x, y), end);
    };
    const drop = (last) => {
      if (last.pointerId !== event.pointerId) return;
      end.dragged = false;
      end.element.classList.remove("held");
      end.element.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) end.element.removeEventListener(name, drop);
      if (far && last.type === "pointerup") this.choose(end, this.nearest(...this.under(last)));
      this.name(null);
      this.draw();
    };
    end.element.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) end.element.addEventListener(name, drop);
  }

  // A tap on a sound: the end that was touched last goes there.
  tap(event) {
    if (event.target.closest(".end")) return;
    this.choose(this.active, this.nearest(...this.under(event)));
  }

  key(event, end) {
    const last = this.places.length - 1;
    const family = (by) => {
      const here = this.places[Math.max(0, end.number)].family;
      let k = Math.max(0, end.number);
      while (this.places[k + by] && this.places[k].family === here) k += by;
      return k;
    };
    const to = {
      ArrowRight: () => end.number + 1, ArrowUp: () => end.number + 1,
      ArrowLeft: () => end.number - 1, ArrowDown: () => end.number - 1,
      Home: () => 0, End: () => last, PageUp: () => family(1), PageDown: () => family(-1),
    }[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(end, Math.min(last, Math.max(0, to())));
  }

  hover(event) {
    if (event.pointerType !== "mouse" || event.buttons || event.target.closest(".end")) return;
    this.name(this.nearest(...this.under(event)), this.active);
  }

  under(event) {
    const box = this.field.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  nearest(x, y) {
    const far = (k) => Math.hypot(this.spots[k][0] - x, this.spots[k][1] - y);
    return this.places.reduce((best, _, k) => (far(k) < far(best) ? k : best), 0);
  }

  // Say which sound an end would be, or what the ends are.
  name(number, end = this.active) {
    this.dots.forEach((dot, k) => dot.classList.toggle("near", k === number));
    const told = (one, k) => {
      const place = this.places[k];
      return `${label(one.param).toUpperCase()}: ${place ? `${plain(place.name)} (${plain(place.family)})` : "\u2013"}`;
    };
    this.said.textContent = number === null || number === undefined
      ? this.ends.map((one) => told(one, one.number)).join(" \u00b7 ") : told(end, number);
  }

  lay() {
    const [width, height] = [this.field.clientWidth, this.field.clientHeight];
    if (!width || !height) return;
    this.size = [width, height];
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.spots = this.places.map((one) => [
      EDGE + one.across * (width - 2 * EDGE), height - EDGE - one.up * (height - 2 * EDGE),
    ]);
    this.spots.forEach(([x, y], k) => place(this.dots[k], x, y));
    this.draw();
  }

  draw() {
    if (!this.spots) return;
    const ends = new Set(this.ends.map((one) => one.number));
    const pen = (this.pen ??= document.createElement("canvas").getContext("2d"));
    pen.font = "12px system-ui, sans-serif";
    const points = this.places.map((one, k) => (
      { x: this.spots[k][0], y: this.spots[k][1], text: plain(one.name), must: ends.has(k) }
    ));
    const hung = this.ends.map((one) => this.hung(one));
    const kept = hung.map(([x, y]) => [x - LETTER, y - LETTER, x + LETTER, y + LETTER]);
    const found = lettering(points, kept, ...this.size, (text) => pen.measureText(text).width);
    found.forEach((one, k) => {
      const text = this.names[k];
      text.classList.toggle("end-name", ends.has(k));
      text.setAttribute("visibility", one ? "visible" : "hidden");
      if (one) for (const [name, value] of [["x", one.x], ["y", one.y], ["text-anchor", one.anchor]]) text.setAttribute(name, value);
    });
    this.ends.forEach((end, k) => this.drawEnd(end, hung[k]));
    this.mark();
    this.name(null);
  }

  // Where an end's letter is: beside its sound, or in a corner.
  hung(end) {
    const [x, y] = this.spots[end.number] ?? [EDGE, EDGE];
    return [x + HANG * end.hang[0], y + HANG * end.hang[1]];
  }

  drawEnd(end, at) {
    const there = this.places[end.number];
    end.element.classList.toggle("nowhere", !there);
    const words = there ? `${plain(there.name)}, ${plain(there.family)}` : "no sound of the map";
    end.element.setAttribute("aria-valuenow", end.number);
    end.element.setAttribute("aria-valuetext", words);
    if (!end.dragged) hang(end.element, ...at);
  }

  // The morph between the ends.
  mark() {
    if (!this.spots) return;
    const spots = this.ends.map((one) => this.spots[one.number]).filter(Boolean);
    const whole = spots.length === this.ends.length && spots.length > 1;
    for (const one of [this.way, this.point]) one.classList.toggle("none", !whole);
    if (!whole) return;
    const [a, b, c = a, d = b] = spots;
    this.way.setAttribute("points", [a, b, d, c].map((one) => one.join()).join(" "));
    const [x, y] = spots.length < 3 ? [this.at[0], 0] : this.at;
    const mixed = [0, 1].map((k) => (1 - y) * ((1 - x) * a[k] + x * b[k]) + y * ((1 - x) * c[k] + x * d[k]));
    place(this.point, ...mixed);
  }
}

function place(element, x, y) {
  element.setAttribute("cx", x);
  element.setAttribute("cy", y);
}

function hang(element, x, y) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
}
