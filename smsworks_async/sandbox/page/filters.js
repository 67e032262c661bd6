// The search and the filters of the list of messages.

import { fill, h, icon, isolated } from "./dom.js";
import { number, sentence } from "./format.js";

const TYPING = 200; // milliseconds after the last key
const STATUSES = ["SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "FAILED", "SCHEDULED", "CANCELLED", "INCOMING"];
const SELECTS = {
  direction: ["Direction", { sent: "Sent", received: "Received" }],
  status: ["Status", Object.fromEntries(STATUSES.map((name) => [name, name === "INCOMING" ? "Received" : sentence(name)]))],
  kind: ["Kind", { text: "Text", flash: "Flash", binary: "Binary", passcode: "Passcode" }],
};

export class Filters {
  #values = {};
  #timer = null;
  #change;

  /** `change` is called with the new values, and with the options of `go`. */
  constructor(change) {
    this.#change = change;
    this.search = h("input", {
      type: "search",
      placeholder: "Number, text, tag, sender, batch, reference",
      "aria-label": "Search messages",
      "aria-keyshortcuts": "/",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#typed(),
    });
    this.selects = Object.entries(SELECTS).map(([name, [label, options]]) =>
      h(
        "select",
        { name, "aria-label": label, onchange: (event) => this.#set({ [name]: event.target.value }) },
        h("option", { value: "" }, label),
        Object.entries(options).map(([value, words]) => h("option", { value }, words)),
      ),
    );
    this.chosen = h("div", { class: "chosen" });
    this.element = h(
      "form",
      { class: "filters", role: "search", onsubmit: (event) => this.#submitted(event) },
      this.search,
      h("div", { class: "selects" }, this.selects),
      this.chosen,
    );
  }

  show(values) {
    this.#values = values;
    if (document.activeElement !== this.search) this.search.value = values.q ?? "";
    for (const select of this.selects) {
      select.value = values[select.name] ?? "";
      select.classList.toggle("set", select.value !== "");
    }
    fill(
      this.chosen,
      ["number", "batch"].filter((name) => values[name]).map((name) =>
        h(
          "button",
          { type: "button", class: "chip removable", onclick: () => this.#set({ [name]: "" }) },
          h("span", {}, `${sentence(name)} `, isolated(number(values[name]))),
          icon("close"),
          h("span", { class: "visually-hidden" }, "Remove this filter"),
        ),
      ),
    );
    this.chosen.hidden = this.chosen.childElementCount === 0;
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  clear() {
    this.search.value = "";
    this.#change({}, { replace: true });
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#set({ q: this.search.value.trim() }, { replace: true }), TYPING);
  }

  #submitted(event) {
    event.preventDefault();
    clearTimeout(this.#timer);
    this.#set({ q: this.search.value.trim() }, { replace: true });
  }

  #set(changes, options) {
    const { before: _, ...rest } = this.#values;
    const values = Object.entries({ ...rest, ...changes }).filter(([, value]) => value !== "");
    this.#change(Object.fromEntries(values), options);
  }
}
