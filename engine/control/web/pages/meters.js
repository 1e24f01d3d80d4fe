// Levels with peak hold, the beat's lamp, the tuner: drawn when something can be seen to move.

import { tunes } from "./rack.js";
import { decibels, make, noteName } from "./words.js";

const FLOOR_DB = -60;
const HOLD_MS = 1500;
const FALL_DB_PER_MS = 0.02;
const TEXT_MS = 200;
const LAMP_BEATS = 0.18;
const IN_TUNE_CENTS = 3;

const place = (db) => Math.round(200 * Math.min(1, Math.max(0, 1 - db / FLOOR_DB))) / 2;

class Level {
  constructor(name) {
    this.bar = make("b");
    this.mark = make("i");
    this.text = make("span", { class: "peak" }); // no output: those are read aloud when they change
    this.element = make("div", { class: "level", role: "group", "aria-label": `${name} level` },
      make("span", {}, name), make("div", { class: "bar" }, this.bar, this.mark), this.text);
    this.held = -120;
    this.since = this.written = 0;
    this.element.addEventListener("click", () => this.element.classList.remove("clipped"));
  }

  show(peak, now) {
    const db = decibels(peak);
    const at = place(db);
    if (at !== this.at) {
      this.at = at;
      this.bar.style.transform = `scaleX(${at / 100})`;
    }
    if (db >= this.held) [this.held, this.since] = [db, now];
    else if (now - this.since > HOLD_MS) this.held -= FALL_DB_PER_MS * (now - this.last);
    this.last = now;
    const mark = place(this.held);
    if (mark !== this.marked) {
      this.marked = mark;
      this.mark.style.left = `${mark}%`;
    }
    if (db >= 0) this.element.classList.add("clipped");
    if (now - this.written > TEXT_MS) {
      this.written = now;
      const text = this.held <= -100 ? "\u2212\u221e" : this.held.toFixed(0).replace("-", "\u2212");
      if (text !== this.text.textContent) this.text.textContent = text;
    }
  }
}

export class Meters {
  constructor(element) {
    this.levels = ["in L", "in R", "out L", "out R"].map((name) => new Level(name));
    element.append(...this.levels.map((one) => one.element));
    this.lamp = document.getElementById("lamp");
  }

  show(frame, now) {
    this.levels.forEach((level, k) => level.show(frame[1 + k], now));
    const lit = frame[10] % 1 < LAMP_BEATS;
    if (lit !== this.lit) {
      this.lit = lit;
      this.lamp.classList.toggle("lit", lit);
    }
  }
}

export class Tuner {
  constructor(section) {
    this.section = section;
    [this.letter, this.octave] = section.querySelector("#note").children;
    this.needle = section.querySelector("#scale i");
    this.cents = section.querySelector("#cents");
    this.places = null;
  }

  // The first plugin of the rack that reports hz, cents and note.
  find(readouts) {
    const plugins = new Map();
    readouts.forEach((address, k) => {
      const at = address.lastIndexOf(".");
      const plugin = address.slice(0, at);
      plugins.set(plugin, { ...plugins.get(plugin), [address.slice(at + 1)]: k });
    });
    this.places = [...plugins.values()].find(tunes) ?? null;
    document.body.classList.toggle("tunes", this.places !== null);
  }

  show(numbers) {
    if (!this.places) return;
    const [hz, cents, note] = ["hz", "cents", "note"].map((name) => numbers[this.places[name]]);
    const sounds = hz > 0;
    const [letter, octave] = sounds ? noteName(note) : ["\u2013", ""];
    const tuned = sounds && Math.abs(cents) <= IN_TUNE_CENTS;
    const sign = Math.round(cents) >= 0 ? "+" : "\u2212";
    const text = sounds
      ? `${sign}${Math.abs(cents).toFixed(0)} cents \u00b7 ${hz.toFixed(1)} Hz${tuned ? " \u00b7 in tune" : ""}`
      : "no clear pitch";
    if (this.letter.textContent !== letter) this.letter.textContent = letter;
    if (this.octave.textContent !== octave) this.octave.textContent = octave;
    if (this.cents.textContent !== text) this.cents.textContent = text;
    const at = sounds ? Math.round(10 * (50 + cents)) / 10 : 50;
    if (at !== this.at) {
      this.at = at;
      this.needle.style.left = `${at}%`;
    }
    this.section.classList.toggle("sounds", sounds);
    this.section.classList.toggle("tuned", tuned);
  }
}
