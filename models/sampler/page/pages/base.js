// What all parts share: making elements, asking the server, words for figures.

export const one = (css, of = document) => of.querySelector(css);

// make("p", {class: "note", hidden: true}, "text", child)
export function make(kind, given = {}, ...inside) {
  const found = document.createElement(kind);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (value === true) found.setAttribute(name, "");
    else if (value !== false && value != null) found.setAttribute(name, value);
  }
  found.append(...inside.filter((child) => child != null));
  return found;
}

export class Refused extends Error {}

// What the server answers; Refused with its one line; TypeError where there is no server.
export async function ask(path, given) {
  const how = given === undefined ? {} : { method: "POST", body: JSON.stringify(given) };
  const reply = await fetch(path, how);
  let told = {};
  try { told = await reply.json(); } catch { /* no JSON: told below */ }
  if (!reply.ok) throw new Refused(told.error || `the server said ${reply.status}`);
  return told;
}

let silence = 0;
export function say(text) {
  const said = one("#said");
  said.textContent = text;
  said.hidden = !text;
  clearTimeout(silence);
  silence = setTimeout(() => { said.hidden = true; }, 8000);
}

export const lost = (is) => { one("#lost").hidden = !is; };

export function time(seconds) {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return parts[0] ? `${parts[0]}:${two(parts[1])}:${two(parts[2])}` : `${parts[1]}:${two(parts[2])}`;
}

export const figure = (n) => (Number.isFinite(n) ? Number(n.toPrecision(3)).toString() : "–");

export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
