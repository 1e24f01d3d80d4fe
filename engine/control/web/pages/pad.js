// The XY pad: one finger turns two parameters.

import { Field } from "./field.js";
import { fromPosition, label, make, spoken, written } from "./words.js";

export class Pad {
  // hand: {xy(x, y), assign(across, up), may()}
  constructor(section, hand) {
    this.hand = hand;
    this.field = section.querySelector("#field");
    this.now = [section.querySelector("#across-now"), section.querySelector("#up-now")];
    this.selects = [section.querySelector("#across"), section.querySelector("#up")];
    this.params = new Map();
    this.pair = [];
    this.finger = new Field(this.field, {
      may: () => this.pair.length && hand.may(),
      moved: (x, y) => hand.xy(x, y),
      drawn: (...at) => this.tell(at),
      settled: () => this.follow(this.pair),
    });
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

  // The pair that the rack says; positions come with values.
  follow(pair) {
    const before = String(this.pair);
    this.pair = pair.length === 2 && pair.every((one) => this.params.has(one)) ? pair : [];
    if (this.pair.length || !pair.length) this.selects.forEach((select, k) => (select.value = this.pair[k] ?? ""));
    this.field.classList.toggle("idle", !this.pair.length);
    this.place(String(this.pair) !== before);
  }

  values(values) {
    let moved = false;
    for (const [address, [value, position]] of Object.entries(values)) {
      const param = this.params.get(address);
      if (param) [param.value, param.position] = [value, position];
      moved ||= this.pair.includes(address);
    }
    if (moved) this.place();
  }

  // The dot goes where the two parameters stand, unless a finger holds it.
  place(anew = false) {
    if (anew || !this.finger.held) {
      this.finger.at = this.pair.length ? this.pair.map((one) => this.params.get(one).position) : [0.5, 0.5];
    }
    this.finger.draw();
  }

  assign() {
    const [across, up] = this.selects.map((select) => select.value);
    if (Boolean(across) === Boolean(up)) this.hand.assign(across, up);
  }

  tell(at) {
    const texts = this.pair.map((address, k) => {
      const param = this.params.get(address);
      return `${label(param)} ${written(param, fromPosition(param, at[k]))}`;
    });
    this.now.forEach((one, k) => (one.textContent = texts[k] ?? ""));
    this.field.setAttribute("aria-valuetext", texts.join(", ") || "turns nothing yet");
    const names = this.pair.map((address) => spoken(address, this.params.get(address)));
    this.field.setAttribute("aria-label", names.length ? `XY pad: ${names.join(" and ")}` : "XY pad");
  }
}
