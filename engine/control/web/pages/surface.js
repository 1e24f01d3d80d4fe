// What a plugin's card shows beside knobs: a field for one finger, a map to choose its ends on.

import { Field } from "./field.js";
import { SoundMap } from "./map.js";
import { fromPosition, label, make, plain, written } from "./words.js";

const CENTRE = [0.5, 0.5];

export class Surface {
  // plugin: as the snapshot has it; hand: as of controls
  constructor(plugin, hand) {
    this.hand = hand;
    this.params = new Map(plugin.params.map((one) => [one.address, { ...one }]));
    this.xy = plugin.xy;
    this.element = make("div", { class: "surface" });
    if (plugin.ends.length && plugin.places.length) {
      this.map = new SoundMap(plugin, this.params, hand);
      this.places = plugin.places;
      this.element.append(this.map.element);
    }
    if (this.xy.length) this.element.prepend(this.pad(plugin));
    this.place();
  }

  static of(plugin, hand) {
    return plugin.xy.length || plugin.places.length ? new Surface(plugin, hand) : null;
  }

  leave() {
    this.map?.leave();
  }

  pad(plugin) {
    const names = this.xy.map((address) => label(this.params.get(address)));
    this.square = make("div", {
      class: "field", role: "slider", tabindex: "0", "aria-valuemin": 0, "aria-valuemax": 100,
      "aria-label": `${plugin.address.replace(".", " ")} pad: ${names.join(" and ")}`,
    }, make("i"));
    this.corners = plugin.ends.map((_, k) => make("span", { class: `corner at${k}` }));
    this.now = make("p", { class: "said" });
    if (this.map) this.square.append(...this.corners);
    this.finger = new Field(this.square, {
      may: () => this.hand.may(),
      moved: (...at) => this.move(at),
      drawn: (...at) => this.tell(at),
      settled: () => this.place(),
      double: () => this.finger.place(...CENTRE),
    });
    return make("div", { class: "pad" }, this.square, this.now);
  }

  // Where the numbers are by which the plugin reports how its two parameters really stand (a wheel
  // or a foot may move them as well): readouts of their names.
  watch(readouts) {
    const places = this.xy.map((address) => readouts.indexOf(address));
    this.watched = places.length && places.every((one) => one >= 0) ? places : null;
  }

  heard(numbers) {
    if (!this.watched || !this.map) return;
    const at = this.watched.map((place) => numbers[place]);
    if (!at.every(Number.isFinite) || String(at) === String(this.seen)) return; // or of another rack
    this.seen = at;
    this.map.stand(...at);
  }

  // What the server says of one of the plugin's parameters.
  follow(address, value, position) {
    const param = this.params.get(address);
    if (!param) return;
    [param.value, param.position] = [value, position];
    this.map?.follow(address, value);
    this.place();
  }

  // The dot goes where the parameters stand, unless a finger holds it.
  place() {
    const at = this.xy.map((address) => this.params.get(address).position);
    if (!this.finger) this.map?.stand(0, 0);
    else if (this.finger.held) this.finger.draw();
    else this.finger.follow(...at);
  }

  // What a hand does: both go out within one frame.
  move(at) {
    this.xy.forEach((address, k) => this.hand.place(address, at[k]));
  }

  tell(at) {
    const texts = this.xy.map((address, k) => {
      const param = this.params.get(address);
      return `${label(param)} ${written(param, fromPosition(param, at[k]))}`;
    });
    this.now.textContent = texts.join(" \u00b7 ");
    this.square.setAttribute("aria-valuetext", texts.join(", "));
    this.map?.stand(...at);
    this.map?.ends.forEach((end, k) => {
      const name = plain(this.places[end.number]?.name ?? "");
      if (this.corners[k].textContent !== name) this.corners[k].textContent = name;
    });
  }
}
