// A keyboard to play the rack's instruments with: two octaves, fingers and mouse.

import { make, noteName } from "./words.js";

const WHITE = [0, 2, 4, 5, 7, 9, 11];
const OCTAVES = 2;
const [LOWEST, HIGHEST] = [0, 8];
const SOFTEST = 40; // at the key's upper end; 120 at its lower

export class Keys {
  constructor(section, play) {
    this.section = section;
    this.play = play;
    this.octave = 3;
    this.fingers = new Map(); // pointer -> note
    this.board = make("div", { id: "keyboard", role: "group", "aria-label": "Keyboard" });
    section.append(this.shift("\u2212", -1, "An octave down"), this.board, this.shift("+", 1, "An octave up"));
    this.board.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.board.setPointerCapture(event.pointerId);
      this.touch(event);
    });
    this.board.addEventListener("pointermove", (event) => this.fingers.has(event.pointerId) && this.touch(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      this.board.addEventListener(kind, (event) => this.lift(event.pointerId));
    }
    this.board.addEventListener("focusout", () => this.release());
    addEventListener("blur", () => [...this.fingers.keys()].forEach((one) => this.lift(one)));
    this.draw();
  }

  shift(text, by, name) {
    const button = make("button", { type: "button", "aria-label": name }, text);
    button.addEventListener("click", () => {
      this.octave = Math.min(HIGHEST, Math.max(LOWEST, this.octave + by));
      this.draw();
    });
    return button;
  }

  show(on) {
    this.section.hidden = !on;
  }

  draw() {
    const wide = 100 / (OCTAVES * WHITE.length);
    const keys = [];
    for (let k = 0; k < 12 * OCTAVES; k += 1) {
      const note = 12 * (this.octave + 1) + k;
      const white = WHITE.filter((one) => one < k % 12).length + WHITE.length * Math.floor(k / 12);
      const black = !WHITE.includes(k % 12);
      const name = noteName(note);
      const key = make("button", { type: "button", class: black ? "black" : "", "data-note": note, "aria-label": name.join("") },
        k % 12 ? "" : name.join(""));
      key.style.left = `${wide * white - (black ? 0.3 * wide : 0)}%`;
      key.style.width = `${black ? 0.6 * wide : wide}%`;
      key.addEventListener("keydown", (event) => this.key(event, note, true));
      key.addEventListener("keyup", (event) => this.key(event, note, false));
      keys.push(key);
    }
    this.board.replaceChildren(...keys);
  }

  key(event, note, down) {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    this.release();
    if (!down) return;
    this.typed = note;
    this.play(note, 96);
  }

  // The note of the computer's keyboard ends; without the focus no key is heard to come up.
  release() {
    if (this.typed !== undefined) this.play(this.typed, 0);
    this.typed = undefined;
  }

  touch(event) {
    const key = document.elementsFromPoint(event.clientX, event.clientY).find((one) => one.dataset?.note);
    const note = key ? Number(key.dataset.note) : undefined;
    const before = this.fingers.get(event.pointerId);
    if (note === before) return;
    this.lift(event.pointerId);
    this.fingers.set(event.pointerId, note);
    if (note === undefined) return;
    const box = key.getBoundingClientRect();
    const depth = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    key.classList.add("down");
    this.play(note, Math.round(SOFTEST + 80 * depth));
  }

  lift(pointer) {
    const note = this.fingers.get(pointer);
    this.fingers.delete(pointer);
    if (note === undefined) return;
    this.board.querySelector(`[data-note="${note}"]`)?.classList.remove("down");
    this.play(note, 0);
  }
}
