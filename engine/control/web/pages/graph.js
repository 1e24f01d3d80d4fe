// Two minutes of load and of what went wrong; drawn when a row arrives, four times a second.

import { make } from "./words.js";

const SECONDS = 120;
const ROWS = 4 * SECONDS;
const [TIME, P99, WORST, LATE, XRUNS, MISSES, MUTES] = [0, 1, 2, 3, 4, 5, 6];

export class Graph {
  constructor(canvas, figures, facts, health) {
    this.canvas = canvas;
    this.rows = [];
    this.figures = list(figures, ["load", "worst", "latency", "late", "xruns", "misses", "muted"]);
    this.factList = facts;
    this.health = Object.fromEntries(["load", "late", "latency"].map((name) => [name, make("span")]));
    health.append(...Object.values(this.health));
    this.latency = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  history(rows) {
    this.rows = rows;
    this.changed();
  }

  add(rows) {
    this.rows = [...this.rows, ...rows].slice(-ROWS);
    this.changed();
  }

  facts(facts) {
    if (facts.latency_ms === undefined) return;
    this.latency = facts.latency_ms;
    const rows = {
      device: facts.device,
      "one block": `${facts.block} frames, ${((1000 * facts.block) / facts.rate).toFixed(2)} ms`,
      rate: `${facts.rate} Hz`,
      rack: `${facts.rack_ms.toFixed(2)} ms`,
      "audio thread": facts.priority,
    };
    if (facts.warnings.length) rows.warnings = facts.warnings.join("; ");
    this.factList.replaceChildren(...Object.entries(rows).flatMap(([name, value]) => [
      make("dt", {}, name), make("dd", {}, value),
    ]));
    this.tell();
  }

  changed() {
    this.tell();
    this.draw();
  }

  tell() {
    const last = this.rows.at(-1);
    if (!last) return;
    const texts = {
      load: `${last[P99].toFixed(0)} %`,
      worst: `${Math.max(...this.rows.slice(-40).map((row) => row[WORST])).toFixed(0)} %`,
      latency: `${this.latency.toFixed(1)} ms`,
      late: last[LATE], xruns: last[XRUNS], misses: last[MISSES], muted: last[MUTES],
    };
    for (const [name, text] of Object.entries(texts)) {
      const [term, value] = this.figures[name];
      if (value.textContent !== String(text)) value.textContent = text;
      const bad = typeof text === "number" && text > 0;
      term.parentElement.classList.toggle("bad", bad);
      const short = this.health[name];
      if (short && short.textContent !== `${name} ${text}`) short.textContent = `${name} ${text}`;
      short?.classList.toggle("bad", bad);
    }
  }

  draw() {
    const { canvas, rows } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    const colour = (name) => getComputedStyle(canvas).getPropertyValue(name);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    const y = (percent) => height - 4 - (height - 18) * Math.min(1, percent / 100);
    for (const percent of [0, 50, 100]) {
      pen.strokeStyle = colour("--line");
      pen.beginPath();
      pen.moveTo(0, Math.round(y(percent)) + 0.5);
      pen.lineTo(width, Math.round(y(percent)) + 0.5);
      pen.stroke();
      pen.fillStyle = colour("--soft");
      if (percent) pen.fillText(`${percent} %`, 2, y(percent) - 3);
    }
    if (rows.length < 2) return;
    const end = rows.at(-1)[TIME];
    const x = (row) => width * (1 - (end - row[TIME]) / SECONDS);
    rows.forEach((row, k) => {
      if (!k) return;
      const wrong = [LATE, XRUNS, MISSES, MUTES].some((what) => row[what] > rows[k - 1][what]);
      if (!wrong) return;
      pen.fillStyle = colour("--bad");
      pen.fillRect(x(row) - 1, 12, 2, height - 16);
    });
    const line = (what, name, thick) => {
      pen.strokeStyle = colour(name);
      pen.lineWidth = thick;
      pen.beginPath();
      rows.forEach((row, k) => (k ? pen.lineTo(x(row), y(row[what])) : pen.moveTo(x(row), y(row[what]))));
      pen.stroke();
    };
    line(WORST, "--soft", 1);
    line(P99, "--mark", 2);
  }
}

function list(element, names) {
  const found = {};
  for (const name of names) {
    found[name] = [make("dt", {}, name), make("dd", {}, "\u2013")];
    element.append(make("div", {}, ...found[name]));
  }
  return found;
}
