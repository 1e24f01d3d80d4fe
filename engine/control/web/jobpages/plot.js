// Curves of one or several jobs on one picture: logarithmic where all that is shown is above zero.

const NS = "http://www.w3.org/2000/svg";
const [HIGH, LEFT, RIGHT, TOP, BOTTOM] = [260, 60, 12, 12, 28];
export const COLOURS = ["#4fd1c5", "#ffb454", "#ff6b62", "#7ad97a", "#8fb4ff", "#d9a3ff", "#f3f1ec", "#b08968"];

function draw(kind, given, text) {
  const found = document.createElementNS(NS, kind);
  for (const [name, value] of Object.entries(given)) found.setAttribute(name, value);
  if (text !== undefined) found.textContent = text;
  return found;
}

const shown = (n) => (n !== 0 && (Math.abs(n) < 0.001 || Math.abs(n) >= 1e5) ? n.toExponential(1) : String(Number(n.toPrecision(3))));

// lines: [{name, points: [[x, y], ...]}]
export function plot(svg, lines) {
  const wide = Math.max(260, svg.clientWidth || 640);
  svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  const points = lines.flatMap((line) => line.points);
  if (!points.length) {
    svg.replaceChildren(draw("text", { x: wide / 2, y: HIGH / 2, "text-anchor": "middle" }, "no curve yet"));
    svg.setAttribute("aria-label", "No curve yet");
    return;
  }
  const log = points.every(([, y]) => y > 0);
  const of = (y) => (log ? Math.log10(y) : y);
  let [low, high] = [Infinity, -Infinity];
  let long = 0;
  for (const [x, y] of points) {
    low = Math.min(low, of(y));
    high = Math.max(high, of(y));
    long = Math.max(long, x);
  }
  if (high - low < 1e-3) [low, high] = [low - 0.05, high + 0.05];
  const x = (at) => LEFT + ((wide - LEFT - RIGHT) * at) / (long || 1);
  const y = (at) => TOP + ((HIGH - TOP - BOTTOM) * (high - of(at))) / (high - low);
  const parts = [];
  for (let k = 0; k <= 4; k += 1) {
    const at = low + ((high - low) * k) / 4;
    const height = TOP + ((HIGH - TOP - BOTTOM) * (4 - k)) / 4;
    parts.push(draw("line", { class: "grid", x1: LEFT, x2: wide - RIGHT, y1: height, y2: height }));
    parts.push(draw("text", { x: LEFT - 6, y: height + 4, "text-anchor": "end" }, shown(log ? 10 ** at : at)));
    parts.push(draw("text", { x: x((long * k) / 4), y: HIGH - 8, "text-anchor": k === 0 ? "start" : k === 4 ? "end" : "middle" }, shown((long * k) / 4)));
  }
  lines.forEach((line, k) => {
    const stroke = COLOURS[k % COLOURS.length];
    const told = line.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const [lastX, lastY] = line.points.at(-1);
    parts.push(draw("polyline", { points: told, stroke }), draw("circle", { cx: x(lastX), cy: y(lastY), r: 3.5, fill: stroke }));
  });
  svg.replaceChildren(...parts);
  svg.setAttribute("aria-label", lines.map((line) => `${line.name}: ${shown(line.points.at(-1)[1])}`).join(", "));
}
