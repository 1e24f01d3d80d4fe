// Where names stand beside their points: none over another, those first that matter most.

const GAP = 8;
const TALL = 15;
const DOT = 5;

// points: {x, y, text, must}; kept: boxes [left, top, right, bottom] that stay free; measure(text)
// -> width. Returns for each point {x, y, anchor} or null.
export function lettering(points, kept, width, height, measure) {
  const taken = [...points.map(({ x, y }) => [x - DOT, y - DOT, x + DOT, y + DOT]), ...kept];
  const found = points.map(() => null);
  const order = points.map((_, k) => k).sort((a, b) => Boolean(points[b].must) - Boolean(points[a].must) || a - b);
  for (const k of order) {
    const wide = measure(points[k].text);
    const all = candidates(points[k], wide);
    const inside = all.filter(({ box }) => box[0] >= 0 && box[1] >= 0 && box[2] <= width && box[3] <= height);
    const free = inside.find(({ box }) => !taken.some((one, n) => n !== k && overlap(one, box)));
    const chosen = free ?? (points[k].must ? (inside[0] ?? all[0]) : null);
    if (!chosen) continue;
    taken.push(chosen.box);
    found[k] = chosen;
  }
  return found;
}

function candidates({ x, y }, wide) {
  const at = (left, middle, anchor, textX) => ({
    x: textX, y: middle + 4, anchor, box: [left, middle - TALL / 2, left + wide, middle + TALL / 2],
  });
  return [
    at(x + GAP, y, "start", x + GAP),
    at(x - GAP - wide, y, "end", x - GAP),
    at(x - wide / 2, y - 1.6 * GAP, "middle", x),
    at(x - wide / 2, y + 1.6 * GAP, "middle", x),
  ];
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
