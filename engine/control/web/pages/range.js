// Knobs and sliders: dragged, scrolled, stepped by keys, typed.

import { Control } from "./base.js";
import { make, parsed, spoken, svg, toPosition, written } from "./words.js";

const DRAG_PIXELS = 220; // for the whole way; ten times as many with shift
const FINE = 0.1;
const DOUBLE_MS = 350;
const STEP = 0.01;
const PAGE_STEP = 0.1;
const ARC = 75; // percent of a circle that a knob turns

// Anything with a way from one end to the other.
class Range extends Control {
  handle() {
    const handle = make("div", {
      class: "handle",
      role: "slider",
      tabindex: "0",
      "aria-label": spoken(this.param.address, this.param),
      "aria-valuemin": this.param.min,
      "aria-valuemax": this.param.max,
    });
    handle.addEventListener("pointerdown", (event) => this.grab(event));
    handle.addEventListener("keydown", (event) => this.key(event));
    // Only once it has the focus: a page that is scrolled must turn no knob it passes.
    handle.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== handle) return;
        event.preventDefault();
        this.place(this.position - Math.sign(event.deltaY) * STEP * (event.shiftKey ? FINE : 1));
      },
      { passive: false },
    );
    return handle;
  }

  readout() {
    this.text = make("button", { type: "button", class: "value", tabindex: "-1" });
    this.text.addEventListener("click", () => this.type());
    return this.text;
  }

  grab(event) {
    if (event.button !== 0 || this.grabbed || !this.hand.may()) return;
    event.preventDefault();
    this.grabbed = true; // by one finger: a second would make it jump
    this.slider.focus({ preventScroll: true });
    this.slider.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    let moved = 0;
    this.hold(Infinity);
    this.element.classList.add("held");
    const move = (next) => {
      if (next.pointerId !== event.pointerId) return;
      const [dx, dy] = [next.clientX - x, next.clientY - y];
      [x, y] = [next.clientX, next.clientY];
      moved += Math.abs(dx) + Math.abs(dy);
      if (moved > 3) this.place(this.position + this.drag(dx, dy) * (next.shiftKey ? FINE : 1));
    };
    const drop = (last) => {
      if (last.pointerId !== event.pointerId) return;
      this.grabbed = false;
      this.slider.removeEventListener("pointermove", move);
      this.slider.removeEventListener("pointerup", drop);
      this.slider.removeEventListener("pointercancel", drop);
      this.element.classList.remove("held");
      this.hold();
      if (moved > 3 || last.type === "pointercancel") return; // cancelled: the page is scrolled
      const now = performance.now();
      if (now - (this.clicked ?? -Infinity) < DOUBLE_MS) this.reset();
      this.clicked = now;
    };
    this.slider.addEventListener("pointermove", move);
    this.slider.addEventListener("pointerup", drop);
    this.slider.addEventListener("pointercancel", drop);
  }

  key(event) {
    const steps = {
      ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP,
      PageUp: PAGE_STEP, PageDown: -PAGE_STEP,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      this.place(this.position + steps[event.key] * (event.shiftKey ? FINE : 1));
    } else if (event.key === "Home") this.place(0);
    else if (event.key === "End") this.place(1);
    else if (event.key === "Delete" || event.key === "Backspace") this.reset();
    else if (event.key === "Enter") this.type();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Write the value instead of turning to it.
  type() {
    if (!this.hand.may() || this.input) return;
    const { param } = this;
    this.input = make("input", {
      class: "typed",
      inputmode: param.min < 0 ? "text" : "decimal", // the latter may have no minus
      "aria-label": `${spoken(param.address, param)}, ${param.min} to ${param.max} ${param.unit}`,
    });
    this.input.value = String(Number(this.value.toPrecision(5)));
    this.text.replaceWith(this.input);
    this.input.select();
    const done = (keep) => {
      const { input } = this;
      if (!input) return;
      this.input = null;
      const value = parsed(input.value);
      const back = document.activeElement === input;
      input.replaceWith(this.text);
      if (back) this.slider.focus();
      if (keep && Number.isFinite(value)) {
        this.set(Math.min(param.max, Math.max(param.min, value)));
      }
    };
    this.input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") done(false);
    });
    this.input.addEventListener("blur", () => done(true));
    this.leave = () => done(false);
  }

  tell() {
    const text = written(this.param, this.value);
    if (this.text.textContent !== text) {
      this.text.textContent = text;
      this.text.setAttribute("aria-label", `${text}, type another value`);
    }
    this.slider.setAttribute("aria-valuenow", Number(this.value.toPrecision(6)));
    this.slider.setAttribute("aria-valuetext", text);
  }

  // Where nothing is turned up or down: 0 of a range that has both.
  get middle() {
    const { min, max, taper } = this.param;
    return taper === "linear" && min < 0 && max > 0 ? toPosition(this.param, 0) : 0;
  }
}

export class Knob extends Range {
  get kind() {
    return "knob";
  }

  build() {
    this.slider = this.handle();
    const picture = svg("svg", { viewBox: "0 0 64 64", "aria-hidden": "true" });
    const circle = (type) => svg("circle", {
      class: type, cx: 32, cy: 32, r: 27, pathLength: 100, transform: "rotate(135 32 32)",
    });
    const way = circle("way");
    way.setAttribute("stroke-dasharray", `${ARC} 100`);
    this.arc = circle("arc");
    this.mark = svg("line", { class: "mark", x1: 32, y1: 12, x2: 32, y2: 22 });
    picture.append(way, this.arc, svg("circle", { class: "cap", cx: 32, cy: 32, r: 20 }), this.mark);
    this.slider.append(picture);
    this.element.append(this.name(), this.slider, this.readout());
  }

  drag(dx, dy) {
    return (dx - dy) / DRAG_PIXELS;
  }

  draw() {
    const from = ARC * Math.min(this.position, this.middle);
    const length = ARC * Math.abs(this.position - this.middle);
    this.arc.setAttribute("stroke-dasharray", `${length} 200`);
    this.arc.setAttribute("stroke-dashoffset", -from);
    this.arc.classList.toggle("none", length < 0.2);
    this.mark.setAttribute("transform", `rotate(${270 * this.position - 135} 32 32)`);
    this.tell();
  }
}

export class Slider extends Range {
  get kind() {
    return "slider";
  }

  build() {
    this.slider = this.handle();
    this.fill = make("i");
    this.slider.append(this.fill);
    this.element.append(this.name(), this.slider, this.readout());
  }

  drag(dx) {
    return dx / Math.max(60, this.slider.clientWidth);
  }

  draw() {
    const from = Math.min(this.position, this.middle);
    this.fill.style.left = `${100 * from}%`;
    this.fill.style.width = `${100 * Math.abs(this.position - this.middle)}%`;
    this.slider.style.setProperty("--at", `${100 * this.position}%`);
    this.tell();
  }
}
