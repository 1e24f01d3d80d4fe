// The XY pad: one finger turns two parameters.

import { fromPosition, label, make, spoken, written } from "./words.js";

const STEP = 0.02;
const SETTLE_MS = 300; // as of every control

export class Pad {
  // hand: {xy(x, y), assign(across, up), may()}
  constructor(section, hand) {
    this.hand = hand;
    this.field = section.querySelector("#field");
    this.dot = this.field.querySelector("i");
    this.now = [section.querySelector("#across-now"), section.querySelector("#up-now")];
    this.selects = [section.querySelector("#across"), section.querySelector("#up")];
    this.params = new Map();
    this.pair = [];
    this.at = [0.5, 0.5];
    this.holding = false;
    this.heldUntil = 0;
    this.field.addEventListener("pointerdown", (event) => this.grab(event));
    this.field.addEventListener("keydown", (event) => this.key(event));
    for (const select of this.selects) select.addEventListener("change", () => this.assign());
  }

  show(snapshot) {
    this.params.clear();
    const groups = [];
    const group = (name, params, short = "") => {
      const usable = params.filter((one) => !one.choices.length);
      for (const one of usable) this.params.set(one.address, one);
      if (!usable.length) return;
      const options = usable.map((one) => [one.address, `${short} ${label(one)}`.trim()]);
      groups.push([name, options]);
    };
    for (const lane of snapshot.lanes) {
      for (const plugin of lane.plugins) group(plugin.address.replace(".", " "), plugin.params, plugin.name);
      group(lane.name, lane.strip, lane.name);
    }
    for (const plugin of snapshot.master) {
      group(plugin.address.replace(".", " "), plugin.params, plugin.name);
    }
    for (const select of this.selects) {
      select.replaceChildren(make("option", { value: "" }, "choose\u2026"));
      for (const [name, options] of groups) {
        select.append(make("optgroup", { label: name },
          ...options.map(([address, text]) => make("option", { value: address }, text))));
      }
    }
    this.follow(snapshot.xy);
  }

  get held() {
    return this.holding || performance.now() < this.heldUntil;
  }

  // Answers to the last move are on their way: they must not pull the dot back.
  settle() {
    this.heldUntil = performance.now() + SETTLE_MS;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.follow(this.pair), SETTLE_MS + 10);
  }

  // The pair that the rack says; positions come with values.
  follow(pair) {
    const before = String(this.pair);
    this.pair = pair.length === 2 && pair.every((one) => this.params.has(one)) ? pair : [];
    if (this.pair.length || !pair.length) this.selects.forEach((select, k) => (select.value = this.pair[k] ?? ""));
    if (!this.held || String(this.pair) !== before) {
      this.at = this.pair.length ? this.pair.map((one) => this.params.get(one).position) : [0.5, 0.5];
    }
    this.field.classList.toggle("idle", !this.pair.length);
    this.draw();
  }

  values(values) {
    for (const [address, [value, position]] of Object.entries(values)) {
      const param = this.params.get(address);
      if (param) [param.value, param.position] = [value, position];
      const k = this.pair.indexOf(address);
      if (k >= 0 && !this.held) {
        this.at[k] = position;
        if (this.pair[1] === address) this.at[1] = position;
        this.draw();
      }
    }
  }

  assign() {
    const [across, up] = this.selects.map((select) => select.value);
    if (Boolean(across) === Boolean(up)) this.hand.assign(across, up);
  }

  grab(event) {
    if (event.button !== 0 || this.holding || !this.pair.length || !this.hand.may()) return;
    event.preventDefault();
    this.field.focus({ preventScroll: true });
    this.field.setPointerCapture(event.pointerId);
    this.holding = true;
    this.field.classList.add("held");
    const box = this.field.getBoundingClientRect();
    const move = (next) => {
      if (next.pointerId !== event.pointerId) return;
      this.place((next.clientX - box.left) / box.width, 1 - (next.clientY - box.top) / box.height);
    };
    const drop = (last) => {
      if (last.pointerId !== event.pointerId) return;
      this.holding = false;
      this.settle();
      this.field.classList.remove("held");
      for (const name of ["pointerup", "pointercancel"]) this.field.removeEventListener(name, drop);
      this.field.removeEventListener("pointermove", move);
    };
    this.field.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.field.addEventListener(name, drop);
    move(event);
  }

  key(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by || !this.pair.length || !this.hand.may()) return;
    event.preventDefault();
    event.stopPropagation();
    const step = event.shiftKey ? STEP / 10 : STEP;
    this.place(this.at[0] + step * by[0], this.at[1] + step * by[1]);
  }

  place(x, y) {
    this.at = [x, y].map((one) => Math.min(1, Math.max(0, one)));
    this.settle();
    this.hand.xy(...this.at);
    this.draw();
  }

  draw() {
    this.dot.style.left = `${100 * this.at[0]}%`;
    this.dot.style.top = `${100 - 100 * this.at[1]}%`;
    const texts = this.pair.map((address, k) => {
      const param = this.params.get(address);
      return `${label(param)} ${written(param, fromPosition(param, this.at[k]))}`;
    });
    this.now.forEach((one, k) => (one.textContent = texts[k] ?? ""));
    this.field.setAttribute("aria-valuenow", Math.round(100 * this.at[0]));
    this.field.setAttribute("aria-valuetext", texts.join(", ") || "turns nothing yet");
    const names = this.pair.map((address) => spoken(address, this.params.get(address)));
    this.field.setAttribute("aria-label", names.length ? `XY pad: ${names.join(" and ")}` : "XY pad");
  }
}
