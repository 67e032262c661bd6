// Dialogs: a question, a form, and the list of keyboard shortcuts.

import { h } from "./dom.js";

/** Show a modal dialog until it is closed; the browser manages the focus. */
function show(title, ...content) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), ...content);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close(""));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function buttons(yes, tone) {
  return h(
    "div",
    { class: "dialog-buttons" },
    h("button", { type: "button", onclick: (event) => event.target.closest("dialog").close("") }, "Cancel"),
    h("button", { type: "submit", value: "yes", class: tone }, yes),
  );
}

/** Ask a question; return whether the answer was yes. */
export function ask(title, words, yes) {
  return new Promise((resolve) => {
    const dialog = show(title, h("form", { method: "dialog" }, h("p", {}, words), buttons(yes, "danger")));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    dialog.querySelector("button").focus();
  });
}

/**
 * Show a form. `submit` is called with its values; if it throws, the form shows the error's message,
 * otherwise the dialog is closed.
 */
export function askForm(title, fields, yes, submit) {
  const error = h("p", { class: "form-error", role: "alert" });
  const form = h("form", {}, fields, error, buttons(yes, "primary"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await submit(Object.fromEntries(new FormData(form)));
      dialog.close("");
    } catch (refused) {
      error.textContent = refused.message;
    }
  });
  const dialog = show(title, form);
}

export function field(label, control, hint) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint ? h("small", { class: "quiet" }, hint) : null);
}

const KEYS = [
  ["/", "Search"],
  ["j, k", "Next, previous"],
  ["Enter", "Open"],
  ["Esc", "Back to the list; leave a field"],
  ["r", "Reply, as the handset"],
  ["n", "New incoming text"],
  ["1 to 5", "Messages, Requests, Webhooks, Faults, Account"],
  ["?", "Keyboard shortcuts"],
];

export function showHelp({ enabled, onToggle }) {
  const toggle = h("input", { type: "checkbox", checked: enabled(), onchange: () => onToggle(toggle.checked) });
  const keys = KEYS.map(([key, words]) => [
    h("dt", {}, key.split(/(, | to )/).map((part, at) => (at % 2 ? part : h("kbd", {}, part)))),
    h("dd", {}, words),
  ]);
  show(
    "Keyboard shortcuts",
    h("dl", { class: "keys" }, keys),
    h("label", { class: "check" }, toggle, " Use single keys as shortcuts"),
    h("form", { method: "dialog", class: "dialog-buttons" }, h("button", { class: "primary" }, "Close")),
  );
}
