// The pulse of a plugin that leads the beat: onsets and beats on a strip that runs, tempo, how
// sure it is, and the hands' words to it.

const SECONDS = 8;
const DRAW_MS = 33; // thirty times a second at most
const TEXT_MS = 100;
const [STATE, SURE, PLACE, BAR, ONSETS, STRENGTH] = [13, 14, 15, 16, 17, 18];
const [LISTENS, LEADS] = [1, 2];
const TEMPO = 11;
const ONSETS_COUNTED = 4096;
export const WORDS = ["half", "double", "sooner", "later", "one", "hold"];

export class Pulse {
  // hand: {may(), tap(), say(what)}
  constructor(section, hand) {
    this.section = section;
    const find = (name) => section.querySelector(name);
    this.canvas = find("canvas");
    [this.tempo, this.place] = [find("#pulse-tempo"), find("#pulse-place")];
    [this.sure, this.bar] = [find("#pulse-sure"), find("#pulse-sure i")];
    this.marks = []; // {at, kind, size}: what has happened on the strip
    this.seen = this.onsets = -1;
    this.drawn = this.written = 0;
    for (const what of WORDS) {
      find(`#pulse-${what}`).addEventListener("click", () => hand.may() && hand.say(what));
    }
    const tap = find("#pulse-tap"); // it counts when the finger comes down
    tap.addEventListener("pointerdown", () => hand.tap());
    tap.addEventListener("click", (event) => event.detail === 0 && hand.tap());
  }

  // Where the plugin is, "" if there is none.
  find(address) {
    this.there = Boolean(address);
    document.body.classList.toggle("led", this.there);
    if (!this.there) [this.marks, this.seen, this.onsets] = [[], -1, -1];
  }

  held(on) {
    this.section.querySelector("#pulse-hold").setAttribute("aria-pressed", Boolean(on));
  }

  show(frame, now) {
    if (!this.there) return;
    this.note(frame, now);
    if (this.section.offsetParent === null) return; // another view is shown
    if (now - this.written > TEXT_MS) {
      this.written = now;
      this.tell(frame);
    }
    if (now - this.drawn > DRAW_MS) {
      this.drawn = now;
      this.draw(now);
    }
  }

  note(frame, now) {
    const [state, place, onsets] = [frame[STATE], frame[PLACE], frame[ONSETS]];
    if (state < LISTENS) return;
    if (this.seen < 0) [this.beats, this.last] = [place, Math.floor(place)];
    else this.beats += place - this.seen - Math.round(place - this.seen); // whole: other numbers
    const beat = Math.floor(this.beats);
    if (beat > this.last) {
      this.last = beat;
      const kind = place < 1 ? "first" : "beat";
      if (state === LEADS) this.marks.push({ at: now, kind, size: 1 });
    }
    if (onsets !== this.onsets && this.onsets >= 0) {
      const count = (onsets - this.onsets + ONSETS_COUNTED) % ONSETS_COUNTED;
      if (count < 64) this.marks.push({ at: now, kind: "onset", size: frame[STRENGTH] });
    }
    [this.seen, this.onsets] = [place, onsets];
    while (this.marks.length && now - this.marks[0].at > 1000 * SECONDS) this.marks.shift();
  }

  tell(frame) {
    const leads = frame[STATE] === LEADS;
    const put = (element, text) => {
      if (element.textContent !== text) element.textContent = text;
    };
    put(this.tempo, frame[TEMPO].toFixed(1));
    put(this.place, leads ? `${Math.floor(frame[PLACE]) + 1}/${frame[BAR].toFixed(0)}` : "listening");
    const sure = Math.round(100 * frame[SURE]);
    if (sure === this.shown) return;
    this.shown = sure;
    this.bar.style.transform = `scaleX(${sure / 100})`;
    this.sure.setAttribute("aria-valuenow", sure);
  }

  draw(now) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.colours ??= Object.fromEntries([["onset", "--soft"], ["beat", "--mark"], ["first", "--hot"]]
      .map(([kind, name]) => [kind, getComputedStyle(canvas).getPropertyValue(name)]));
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    for (const { at, kind, size } of this.marks) {
      const x = width * (1 - (now - at) / (1000 * SECONDS)) - 2;
      const tall = { onset: 0.12 + 0.38 * size, beat: 0.6, first: 1 }[kind] * height;
      pen.fillStyle = this.colours[kind];
      pen.fillRect(x, height - tall, kind === "onset" ? 1 : 2, tall);
    }
  }
}
