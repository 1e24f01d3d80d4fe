"use strict";
// Three sounds of an excerpt play at once and two of them are silent, so that a switch keeps the place.
(() => {
  const NAMES = ["clean", "effect", "model"], FADE = 0.008;
  let context = null, current = null;

  class Player {
    constructor(box) {
      this.box = box;
      this.sounds = JSON.parse(document.getElementById(box.dataset.sounds).textContent);
      this.play = box.querySelector(".play");
      this.place = box.querySelector("input");
      this.buttons = NAMES.map((name) => box.querySelector(`[data-hear=${name}]`));
      this.heard = 1; this.at = 0; this.sources = null;
      this.play.addEventListener("click", () => (this.sources ? this.stop() : this.start()));
      this.buttons.forEach((button, i) => button.addEventListener("click", () => this.hear(i)));
      this.place.addEventListener("input", () => this.seek(Number(this.place.value)));
      box.addEventListener("focusin", () => { current = this; });
    }
    async load() {
      context = context || new AudioContext();
      this.buffers = this.buffers || await Promise.all(this.sounds.map((text) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        return context.decodeAudioData(bytes.buffer);
      }));
      await context.resume();
    }
    async start() {
      if (current && current !== this) current.stop();
      current = this;
      await this.load();
      if (this.sources) return;
      this.began = context.currentTime + 0.02 - this.at;
      this.gains = []; this.sources = this.buffers.map((buffer, i) => {
        const source = context.createBufferSource(), gain = context.createGain();
        source.buffer = buffer; source.loop = true; gain.gain.value = i === this.heard ? 1 : 0;
        source.connect(gain).connect(context.destination);
        source.start(context.currentTime + 0.02, this.at); this.gains.push(gain);
        return source;
      });
      this.play.textContent = "Stop"; this.tick();
    }
    stop() {
      if (!this.sources) return;
      this.at = this.now(); this.sources.forEach((source) => source.stop()); this.sources = null;
      this.play.textContent = "Play";
    }
    now() { return Math.max(0, context.currentTime - this.began) % this.buffers[0].duration; }
    seek(share) {
      const going = Boolean(this.sources); this.stop();
      this.at = share * (this.buffers ? this.buffers[0].duration * 0.999 : 0);
      if (going) this.start();
    }
    hear(i) {
      current = this; this.heard = i;
      this.buttons.forEach((button, j) => button.setAttribute("aria-pressed", String(i === j)));
      if (this.sources) this.gains.forEach((gain, j) => gain.gain.setTargetAtTime(i === j ? 1 : 0, context.currentTime, FADE));
    }
    tick() {
      if (!this.sources) return;
      this.place.value = String(this.now() / this.buffers[0].duration);
      requestAnimationFrame(() => this.tick());
    }
  }
  const players = [...document.querySelectorAll(".player")].map((box) => new Player(box));
  current = players[0] || null;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
    if ("123".includes(event.key)) { current.hear(Number(event.key) - 1); event.preventDefault(); }
    if (event.key === " " && !(event.target instanceof HTMLButtonElement)) { current.play.click(); event.preventDefault(); }
  });
})();
