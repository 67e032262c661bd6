// The view of faults: presets, a form, and what is in force with what each has struck.

import { get, getReference, post, remove } from "./api.js";
import { field } from "./dialogs.js";
import { fill, h, reconcile } from "./dom.js";
import { capital, plural } from "./format.js";
import { coalesced } from "./live.js";
import { attempt } from "./notices.js";
import { OUTCOMES, answerOf, method, whichOf } from "./fault.js";

const NUMBERS = ["nth", "times", "every", "status", "error_code", "delay"];

export function createFaults() {
  const heading = h("h1", { tabindex: "-1", class: "pane-title" }, "Faults");
  const presets = h("ul", { class: "presets" });
  const rows = h("ul", { class: "in-force" });
  const none = h("p", { class: "quiet" }, "None: every request is answered as it should be.");
  const clear = h("button", { type: "button", onclick: () => act(() => remove("faults"), "All faults are out of force") }, "Clear all");
  const release = h("button", { type: "button", title: "Let held answers go", onclick: () => act(() => post("release"), "Held answers were let go") }, "Release held answers");
  const paths = h("datalist", { id: "fault-paths" });
  const form = buildForm(paths, put);
  const element = h(
    "div",
    { class: "page" },
    heading,
    h("section", { "aria-label": "Faults in force" }, h("div", { class: "section-bar" }, h("h2", {}, "In force"), clear, release), none, rows),
    h("section", { "aria-label": "Presets" }, h("h2", {}, "Presets"), presets),
    h("section", { "aria-label": "A fault of your own" }, h("h2", {}, "A fault of your own"), form),
  );
  const refresh = coalesced(load);

  async function act(work, done) {
    if (await attempt(work, done)) refresh();
  }

  function put(faults, done) {
    return act(() => post("faults", faults), done);
  }

  async function load() {
    try {
      const answer = await get("faults");
      draw(answer);
    } catch {
      // The stream says that the sandbox is gone.
    }
  }

  function draw({ faults, presets: offered }) {
    none.hidden = faults.length > 0;
    clear.disabled = faults.length === 0;
    reconcile(rows, faults.map((fault, at) => ({ ...fault, at })), { key: (fault) => fault.at, build: buildFault });
    reconcile(presets, offered ?? [], {
      key: (preset) => preset.name,
      build: (preset, item) =>
        fill(
          item ?? h("li", { class: "preset" }),
          h("div", {}, h("strong", {}, preset.title), h("div", { class: "quiet" }, preset.faults.map((fault) => `${whichOf(fault)}: ${answerOf(fault)}`).join("; "))),
          h("button", { type: "button", "aria-label": `Use: ${preset.title}`, onclick: () => put(preset.faults, `In force: ${preset.title}`) }, "Use"),
        ),
    });
  }

  getReference().then(({ operations }) => {
    const names = [...new Set(operations.map(({ path }) => path.replace(/\{[^}]*\}/g, "*")))].sort();
    fill(paths, ["*", ...names].map((path) => h("option", { value: path })));
  }, () => {});

  return { element, heading, title: () => "Faults", show: refresh, changed: refresh, keys: {} };
}

function buildFault(fault, item) {
  const told = ["at", "counted", "struck", "path", "method", "nth", "times", "every", "when", "status", "error_code", "content_type"];
  const rest = Object.entries(fault).filter(([name, value]) => !told.includes(name) && value !== null && value !== false && value !== 0);
  return fill(
    item ?? h("li"),
    h("div", { class: "fault-what" }, h("div", {}, method(fault), " ", h("span", { class: "path" }, fault.path)), h("div", { class: "quiet" }, `${whichOf(fault)}: ${answerOf(fault)}`)),
    h("div", { class: "chips" }, rest.map(([name, value]) => h("span", { class: "chip" }, `${name.replaceAll("_", " ")}: ${String(value).slice(0, 60)}`))),
    h("span", { class: fault.struck ? "struck some" : "struck" }, fault.struck ? `Struck ${plural(fault.struck, "request")}` : "Struck none yet"),
  );
}

function buildForm(paths, put) {
  const control = (name, attributes = {}) => h("input", { name, inputmode: "numeric", autocomplete: "off", ...attributes });
  const error = h("p", { class: "form-error", role: "alert" });
  const form = h(
    "form",
    { class: "fault-form", autocomplete: "off" },
    field("Path", h("input", { name: "path", value: "/message/send", list: "fault-paths", required: true, spellcheck: "false" }), "Below /v1; * is anything"),
    field("When", h("select", { name: "when" }, Object.entries(OUTCOMES).map(([value, words]) => h("option", { value }, capital(words))))),
    field("Method", h("select", { name: "method" }, ["", "GET", "POST", "DELETE"].map((value) => h("option", { value }, value || "Any")))),
    field("Starting at", control("nth", { placeholder: "1" }), "Which fitting request, from 1"),
    field("How many", control("times", { placeholder: "1" }), "0: all from there on"),
    field("Every", control("every", { placeholder: "–" }), "Each k-th, for ever"),
    field("HTTP status", control("status", { placeholder: "–" }), "Answered in place of a cut"),
    field("Error code", control("error_code", { placeholder: "–" }), "Such as 4021"),
    field("Retry-After", control("retry_after", { placeholder: "–", inputmode: "text" }), "Seconds, with a status"),
    field("Delay", control("delay", { placeholder: "0", inputmode: "decimal" }), "Seconds"),
    h("label", { class: "check wide" }, h("input", { type: "checkbox", name: "carry_ids" }), " The refusal carries the id of what was accepted"),
    paths,
    error,
    h("div", { class: "form-buttons" }, h("button", { type: "submit", class: "primary" }, "Put in force")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    for (const name of NUMBERS) if (name in values) values[name] = Number(values[name]);
    if (/^\d+(\.\d+)?$/.test(values.retry_after ?? "")) values.retry_after = Number(values.retry_after);
    if ("carry_ids" in values) values.carry_ids = true;
    error.textContent = "";
    put([values], "The fault is in force");
  });
  return form;
}
