// Learning: press Learn, touch a control or a button, then move a controller.

import { make } from "./words.js";

export class Learning {
  constructor(send) {
    this.send = send;
    this.button = document.getElementById("learn");
    this.banner = document.getElementById("learning");
    this.list = document.getElementById("mappings");
    this.on = false;
    this.mappings = [];
    this.button.addEventListener("click", () => this.set(!this.on));
    document.getElementById("cancel").addEventListener("click", () => this.set(false));
    for (const kind of ["pointerdown", "mousedown", "click", "keydown"]) {
      document.addEventListener(kind, (event) => this.touched(event), true);
    }
  }

  set(on) {
    if (this.on && !on) this.send({ do: "cancel" });
    this.on = on;
    this.waiting("");
    this.button.setAttribute("aria-pressed", on);
    document.body.classList.toggle("learning", on);
    this.banner.hidden = !on;
  }

  touched(event) {
    if (!this.on) return;
    if (event.type === "keydown" && event.key === "Escape") this.set(false);
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    const target = event.target.closest?.("[data-target]");
    if (!target) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "click" || event.type === "keydown") this.send({ do: "learn", target: target.dataset.target });
  }

  waiting(target) {
    for (const one of document.querySelectorAll(".waiting")) one.classList.remove("waiting");
    if (target) {
      document.querySelector(`[data-target="${CSS.escape(target)}"]`)?.classList.add("waiting");
    }
    this.banner.firstChild.textContent = target
      ? `${target}: now move a controller` : "Touch what a controller shall turn";
  }

  // News of the learner: target, waiting, mapping.
  told(news) {
    if (!this.on) return;
    if (news.waiting) this.waiting(news.target);
    else if (news.mapping) this.set(false);
    else this.waiting("");
  }

  show({ learner, mappings }) {
    this.button.disabled = !learner;
    this.button.title = learner ? "" : "There is no MIDI here to learn from";
    this.mappings = mappings;
    this.list.replaceChildren(...mappings.map((one) => {
      const forget = make("button", { type: "button", "aria-label": `Forget ${one.target}` }, "Forget");
      forget.addEventListener("click", () => this.send({ do: "forget", target: one.target }));
      return make("li", {}, make("span", {}, make("b", {}, one.target), make("small", {}, words(one))), forget);
    }));
    if (!mappings.length) {
      this.list.replaceChildren(make("li", { class: "none" }, learner ? "Nothing is learnt yet." : "No MIDI here."));
    }
    this.mark();
  }

  // Show at each control that a controller turns it.
  mark() {
    const known = new Map(this.mappings.map((one) => [one.target, words(one)]));
    for (const element of document.querySelectorAll("[data-target]")) {
      const text = known.get(element.dataset.target);
      if (text) element.dataset.mapped = text;
      else delete element.dataset.mapped;
    }
  }
}

const words = (mapping) => Object.entries(mapping)
  .filter(([name, value]) => name !== "target" && (typeof value === "string" || typeof value === "number") && value !== "")
  .map(([, value]) => value)
  .join(" \u00b7 ");
