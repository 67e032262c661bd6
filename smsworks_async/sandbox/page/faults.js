// The view of faults: the active ones with their counts, presets, and a form.

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
  const none = h("p", { class: "quiet" }, "There are no active faults.");
  const clear = h("button", { type: "button", onclick: () => act(() => remove("faults"), "All faults were removed") }, "Clear all");
  const release = h("button", { type: "button", title: "Release the requests that faults hold", onclick: () => act(() => post("release"), "Held requests were released") }, "Release held requests");
  const paths = h("datalist", { id: "fault-paths" });
  const form = buildForm(paths, put);
  const element = h(
    "div",
    { class: "page" },
    heading,
    h("section", { "aria-label": "Active faults" }, h("div", { class: "section-bar" }, h("h2", {}, "Active"), clear, release), none, rows),
    h("section", { "aria-label": "Presets" }, h("h2", {}, "Presets"), presets),
    h("section", { "aria-label": "New fault" }, h("h2", {}, "New fault"), form),
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
      // The stream of changes shows that the sandbox does not respond.
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
          h("button", { type: "button", "aria-label": `Use: ${preset.title}`, onclick: () => put(preset.faults, `Added: ${preset.title}`) }, "Use"),
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
    h("span", { class: fault.struck ? "struck some" : "struck" }, fault.struck ? `Applied to ${plural(fault.struck, "request")}` : "Not applied yet"),
  );
}

function buildForm(paths, put) {
  const control = (name, attributes = {}) => h("input", { name, inputmode: "numeric", autocomplete: "off", ...attributes });
  const error = h("p", { class: "form-error", role: "alert" });
  const form = h(
    "form",
    { class: "fault-form", autocomplete: "off" },
    field("Path", h("input", { name: "path", value: "/message/send", list: "fault-paths", required: true, spellcheck: "false" }), "Below /v1; * matches anything"),
    field("When", h("select", { name: "when" }, Object.entries(OUTCOMES).map(([value, words]) => h("option", { value }, capital(words))))),
    field("Method", h("select", { name: "method" }, ["", "GET", "POST", "DELETE"].map((value) => h("option", { value }, value || "Any")))),
    field("Starting at", control("nth", { placeholder: "1" }), "The first matching request, from 1"),
    field("How many", control("times", { placeholder: "1" }), "The number of requests; 0 for all"),
    field("Every", control("every", { placeholder: "–" }), "Every k-th request instead"),
    field("HTTP status", control("status", { placeholder: "–" }), "The response instead of a cut"),
    field("Error code", control("error_code", { placeholder: "–" }), "The API's code, such as 4021"),
    field("Retry-After", control("retry_after", { placeholder: "–", inputmode: "text" }), "Seconds, with a status"),
    field("Delay", control("delay", { placeholder: "0", inputmode: "decimal" }), "Seconds"),
    h("label", { class: "check wide" }, h("input", { type: "checkbox", name: "carry_ids" }), " Add the id of the accepted message or batch to the response"),
    paths,
    error,
    h("div", { class: "form-buttons" }, h("button", { type: "submit", class: "primary" }, "Add fault")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    for (const name of NUMBERS) if (name in values) values[name] = Number(values[name]);
    if (/^\d+(\.\d+)?$/.test(values.retry_after ?? "")) values.retry_after = Number(values.retry_after);
    if ("carry_ids" in values) values.carry_ids = true;
    error.textContent = "";
    put([values], "The fault was added");
  });
  return form;
}
