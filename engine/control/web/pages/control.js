// Controls drawn from declarations: a knob or slider for a range, a switch, a row of choices.

import { Control } from "./base.js";
import { Knob, Slider } from "./range.js";
import { label, make, spoken } from "./words.js";

const MOST_BUTTONS = 5;

export function control(param, hand) {
  if (param.choices.length === 2 && param.choices[0] === "off") return new Switch(param, hand);
  if (param.choices.length) return new Choice(param, hand);
  return param.host || param.strip ? new Slider(param, hand) : new Knob(param, hand);
}

class Switch extends Control {
  get kind() {
    return "switch";
  }

  build() {
    this.button = make("button", {
      type: "button",
      role: "switch",
      "aria-label": spoken(this.param.address, this.param),
    });
    this.button.addEventListener("click", () => this.set(this.value > 0.5 ? 0 : 1));
    this.button.append(make("i"), make("span", {}, label(this.param)));
    this.element.append(this.button);
  }

  draw() {
    this.button.setAttribute("aria-checked", this.value > 0.5);
  }
}

class Choice extends Control {
  get kind() {
    return "choice";
  }

  build() {
    const { choices, address } = this.param;
    const name = spoken(address, this.param);
    if (choices.length > MOST_BUTTONS) {
      this.select = make("select", { "aria-label": name });
      this.select.append(...choices.map((one, k) => make("option", { value: k }, one)));
      this.select.addEventListener("change", () => {
        const chosen = Number(this.select.value);
        this.draw(); // it shows what the server has, which may refuse
        this.set(chosen);
      });
      this.element.append(this.name(), this.select);
      return;
    }
    this.group = make("div", { role: "radiogroup", "aria-label": name });
    this.buttons = choices.map((one, k) => {
      const button = make("button", { type: "button", role: "radio" }, one);
      button.addEventListener("click", () => this.set(k));
      return button;
    });
    this.group.append(...this.buttons);
    this.group.addEventListener("keydown", (event) => this.key(event));
    this.element.append(this.name(), this.group);
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.reset();
    else if (by) {
      const count = this.buttons.length;
      const next = (Math.round(this.value) + by + count) % count;
      this.set(next);
      this.buttons[next].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  draw() {
    const now = Math.round(this.value);
    if (this.select) {
      this.select.value = String(now);
      return;
    }
    this.buttons.forEach((button, k) => {
      button.setAttribute("aria-checked", k === now);
      button.tabIndex = k === now ? 0 : -1;
    });
  }
}
