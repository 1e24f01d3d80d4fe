// The loss curve: logarithmic, over the seconds of training, with the previews on it.

const NS = "http://www.w3.org/2000/svg";
let WIDE = 640; // as many as there are pixels: its text is as large as all text
const [HIGH, LEFT, RIGHT, TOP, BOTTOM] = [240, 52, 12, 12, 30];

function draw(kind, given, text) {
  const found = document.createElementNS(NS, kind);
  for (const [name, value] of Object.entries(given)) found.setAttribute(name, value);
  if (text !== undefined) found.textContent = text;
  return found;
}

// rows of [seconds, step, loss, missed]; dreams with their seconds
export function curve(svg, rows, dreams) {
  WIDE = Math.max(240, svg.clientWidth || 640);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  const good = rows.filter((row) => row[2] > 0);
  if (!good.length) {
    svg.replaceChildren(draw("text", { x: WIDE / 2, y: HIGH / 2, "text-anchor": "middle" }, "nothing learnt yet"));
    return;
  }
  const logs = good.map((row) => Math.log10(row[2]));
  let [low, high] = [Math.min(...logs), Math.max(...logs)];
  if (high - low < 0.1) [low, high] = [low - 0.05, high + 0.05];
  const long = Math.max(good.at(-1)[0], 1);
  const x = (seconds) => LEFT + ((WIDE - LEFT - RIGHT) * seconds) / long;
  const y = (log) => TOP + ((HIGH - TOP - BOTTOM) * (high - log)) / (high - low);
  const smooth = averaged(logs);
  const line = (values) => good.map((row, k) => `${x(row[0]).toFixed(1)},${y(values[k]).toFixed(1)}`).join(" ");
  const parts = [...across(low, high, y), ...along(long, x)];
  parts.push(draw("polyline", { class: "raw", points: line(logs) }), draw("polyline", { class: "loss", points: line(smooth) }));
  for (const dream of dreams) {
    const at = good.findLastIndex((row) => row[0] <= dream.seconds);
    if (at < 0) continue;
    const dot = draw("circle", { class: dream.best ? "dream best" : "dream", r: 4, cx: x(good[at][0]), cy: y(smooth[at]) });
    dot.append(draw("title", {}, `preview at step ${dream.step}, merit ${dream.merit.toFixed(2)}`));
    parts.push(dot);
  }
  svg.replaceChildren(...parts);
  const last = good.at(-1);
  svg.setAttribute("aria-label", `Loss ${last[2].toPrecision(3)} after ${Math.round(last[0])} seconds, from ${good[0][2].toPrecision(3)}`);
}

// The mean over a stretch around each; at the ends over what there is of it.
function averaged(values) {
  const half = Math.ceil(values.length / 60);
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1) + value);
  return values.map((_, k) => {
    const near = Math.min(half, k, values.length - 1 - k);
    return (sums[k + near + 1] - sums[k - near]) / (2 * near + 1);
  });
}

// Lines at 1, 2 and 5 of each decade, or at decades alone where those are many.
function across(low, high, y) {
  const fine = [];
  for (let decade = Math.floor(low); decade <= high; decade += 1) {
    for (const lead of high - low > 2 ? [1] : high - low > 0.5 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]) fine.push(lead * 10 ** decade);
  }
  const every = Math.ceil(fine.length / 12);
  return fine.filter((value, k) => Math.log10(value) >= low && Math.log10(value) <= high && k % every === 0).flatMap((value) => {
    const at = y(Math.log10(value));
    const told = value >= 0.001 && value < 1e4 ? Number(value.toPrecision(2)) : value.toExponential(0);
    return [draw("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: at, y2: at }), draw("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, told)];
  });
}

function along(long, x) {
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400, 36000];
  const step = steps.find((one) => long / one <= WIDE / 90) || 86400;
  const minutes = step >= 60;
  const parts = [];
  for (let at = 0; at <= long + 1e-9; at += step) {
    const told = minutes ? `${at / 60} min` : `${at} s`;
    const anchor = at === 0 ? "start" : x(at) > WIDE - 40 ? "end" : "middle";
    parts.push(draw("text", { x: x(at), y: HIGH - 9, "text-anchor": anchor }, told));
  }
  return parts;
}
