// A field under one finger: where it stands, from 0 to 1 across and up.

const STEP = 0.02;
const SETTLE_MS = 300; // as of every control
const DOUBLE_MS = 350;
const APART = 0.06; // of the field: a second tap farther away is another place

const within = (value) => Math.min(1, Math.max(0, value));

export class Field {
  // does: {may(), moved(x, y), drawn(x, y), settled(), and perhaps double(), two taps}
  constructor(element, does) {
    this.element = element;
    this.does = does;
    this.dot = element.querySelector("i");
    this.at = [0.5, 0.5];
    this.holding = false;
    this.heldUntil = 0;
    element.addEventListener("pointerdown", (event) => this.grab(event));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  get held() {
    return this.holding || performance.now() < this.heldUntil;
  }

  // Answers to the last move are on their way: they must not pull the dot back.
  settle() {
    this.heldUntil = performance.now() + SETTLE_MS;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.does.settled(), SETTLE_MS + 10);
  }

  // What the server says.
  follow(x, y) {
    if (this.held) return;
    this.at = [x, y];
    this.draw();
  }

  // What a hand does.
  place(x, y) {
    this.at = [within(x), within(y)];
    this.settle();
    this.does.moved(...this.at);
    this.draw();
  }

  grab(event) {
    if (event.button !== 0 || this.holding || !this.does.may()) return;
    event.preventDefault();
    const { element } = this;
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    this.holding = true;
    element.classList.add("held");
    const box = element.getBoundingClientRect();
    const under = (one) => [(one.clientX - box.left) / box.width, 1 - (one.clientY - box.top) / box.height];
    const twice = this.doubled(under(event));
    const move = (next) => {
      if (next.pointerId === event.pointerId && !twice) this.place(...under(next));
    };
    const drop = (last) => {
      if (last.pointerId !== event.pointerId) return;
      this.holding = false;
      this.settle();
      element.classList.remove("held");
      for (const name of ["pointerup", "pointercancel"]) element.removeEventListener(name, drop);
      element.removeEventListener("pointermove", move);
    };
    element.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, drop);
    if (twice) this.does.double();
    else move(event);
  }

  // Whether that is the second tap of two at one place.
  doubled(at) {
    const [now, before] = [{ time: performance.now(), at }, this.tapped];
    const near = before && Math.hypot(at[0] - before.at[0], at[1] - before.at[1]) < APART;
    const twice = Boolean(this.does.double && near && now.time - before.time < DOUBLE_MS);
    this.tapped = twice ? null : now;
    return twice;
  }

  key(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !this.does.may()) return;
    const home = (event.key === "Delete" || event.key === "Backspace") && this.does.double;
    if (!by && !home) return;
    event.preventDefault();
    event.stopPropagation();
    if (home) {
      this.does.double();
      return;
    }
    const step = event.shiftKey ? STEP / 10 : STEP;
    this.place(this.at[0] + step * by[0], this.at[1] + step * by[1]);
  }

  draw() {
    this.dot.style.left = `${100 * this.at[0]}%`;
    this.dot.style.top = `${100 - 100 * this.at[1]}%`;
    this.element.setAttribute("aria-valuenow", Math.round(100 * this.at[0]));
    this.does.drawn(...this.at);
  }
}
