// What every control has. The server is right: while a hand is on a control it stays under the
// hand, then it follows.

import { fromPosition, label, make } from "./words.js";

const SETTLE_MS = 300; // answers to the last move are on their way so long

export class Control {
  // hand: {place(address, position), set(address, value), reset(address), may()}
  constructor(param, hand) {
    this.param = param;
    this.hand = hand;
    this.value = param.value;
    this.position = param.position;
    this.heldUntil = 0;
    this.element = make("div", { class: `control ${this.kind}`, "data-target": param.address });
    this.element.title = param.help;
    this.build();
    this.draw();
  }

  get held() {
    return performance.now() < this.heldUntil;
  }

  hold(ms = SETTLE_MS) {
    this.heldUntil = performance.now() + ms;
    clearTimeout(this.settling);
    if (ms < Infinity) {
      this.settling = setTimeout(() => {
        if (this.told) this.follow(...this.told);
      }, ms + 10);
    }
  }

  // The rack is drawn anew: what was begun here is for one that has gone.
  leave() {}

  // What the server says.
  follow(value, position) {
    this.told = [value, position];
    if (this.held || (value === this.value && position === this.position)) return;
    this.value = value;
    this.position = position;
    this.draw();
  }

  // What a hand does.
  place(position) {
    if (!this.hand.may()) return;
    this.position = Math.min(1, Math.max(0, position));
    this.value = fromPosition(this.param, this.position);
    if (this.heldUntil !== Infinity) this.hold();
    this.hand.place(this.param.address, this.position);
    this.draw();
  }

  set(value) {
    if (!this.hand.may()) return;
    this.heldUntil = 0;
    this.hand.set(this.param.address, value);
  }

  reset() {
    if (!this.hand.may()) return;
    this.heldUntil = 0;
    this.hand.reset(this.param.address);
  }

  name() {
    return make("span", { class: "label" }, label(this.param));
  }
}
