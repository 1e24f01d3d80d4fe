// How values and names are written, and small pieces of page.

export function make(tag, attributes = {}, ...inside) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) found.setAttribute(name, value);
  }
  found.append(...inside);
  return found;
}

export function svg(tag, attributes) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  return found;
}

// "time_ms" is called "time" where its unit stands beside it.
export function label(param) {
  const parts = param.name.split("_");
  if (parts.length > 1 && parts.at(-1) === param.unit.toLowerCase()) parts.pop();
  return parts.join(" ");
}

// A name as it is kept in files, to be read.
export const plain = (name) => name.replaceAll("_", " ");

// "guitar.delay.time_ms" -> "guitar delay time"
export function spoken(address, param) {
  const where = address.split(".").slice(0, -1).join(" ");
  return `${where} ${label(param)}`;
}

export function number(value, unit = "") {
  const size = Math.abs(value);
  let digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  if (unit === "dB") digits = 1;
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "\u2212");
}

// param.words: what whole numbers stand for.
export function written(param, value) {
  if (param.choices.length) return param.choices[Math.round(value)] ?? "";
  if (param.words) return param.words[Math.round(value)] ?? number(value);
  return number(value, param.unit) + (param.unit ? ` ${param.unit}` : "");
}

// A number as people type it: "-3,5", "1.2k".
export function parsed(text) {
  const plain = text.replace(",", ".").replace("\u2212", "-");
  return Number.parseFloat(plain) * (/\dk/i.test(plain.replace(/\s/g, "")) ? 1000 : 1);
}

// The same rule as Param.from_position and to_position.
export function fromPosition(param, position) {
  const at = Math.min(1, Math.max(0, position));
  if (param.taper === "log") return param.min * (param.max / param.min) ** at;
  const value = param.min + (param.max - param.min) * at;
  return param.choices.length ? Math.round(value) : value;
}

export function toPosition(param, value) {
  if (param.max === param.min) return 0;
  if (param.taper === "log") return Math.log(value / param.min) / Math.log(param.max / param.min);
  return (value - param.min) / (param.max - param.min);
}

export const decibels = (peak) => 20 * Math.log10(Math.max(peak, 1e-6));
const NOTES = ["C", "C\u266f", "D", "D\u266f", "E", "F", "F\u266f", "G", "G\u266f", "A", "A\u266f", "B"];
export function noteName(note) {
  const midi = Math.round(note);
  return [NOTES[((midi % 12) + 12) % 12], String(Math.floor(midi / 12) - 1)];
}
