// The view of the account: its credits, the sandbox's clock, settings, and the reset.

import { get, post } from "./api.js";
import { ask } from "./dialogs.js";
import { Parts, h } from "./dom.js";
import { count, sentence, setNow, time } from "./format.js";
import { coalesced } from "./live.js";
import { attempt } from "./notices.js";

const NAMES = {
  counts: "Counts",
  flooding: "Flooding filter",
  delivery_report_url: "URL of reports",
  incoming_url: "URL of incoming texts",
  international: "International numbers",
};
const URLS = ["delivery_report_url", "incoming_url"];
const STEPS = [
  ["1 second", 1],
  ["1 minute", 60],
  ["1 hour", 3600],
  ["1 day", 86_400],
];

/** Create the view. `onAccount` is called with the account whenever it has been read. */
export function createAccount({ onAccount }) {
  const parts = new Parts();
  const refresh = coalesced(load);
  const heading = h("h1", { tabindex: "-1", class: "pane-title" }, "Account");
  const balance = h("output", { class: "big" });
  const amount = h("input", { name: "credits", inputmode: "decimal", "aria-label": "New balance", required: true, size: "8", placeholder: "10000" });
  const now = h("p", { class: "big" });
  const steps = h("div", { class: "act" }, STEPS.map(([words, seconds]) => h("button", { type: "button", onclick: () => turn(words, seconds) }, `+ ${words}`)));
  const running = h("p", { class: "quiet" }, "The sandbox uses this machine's clock. If a test gives it a ManualClock or a RunningClock, that can be advanced here.");
  const facts = h("dl", { class: "facts" });
  const element = h(
    "div",
    { class: "page" },
    heading,
    h("section", { "aria-label": "Credits" }, h("h2", {}, "Credits"), balance, h("form", { class: "inline", onsubmit: setCredits }, amount, h("button", { type: "submit" }, "Set"))),
    h("section", { "aria-label": "Clock" }, h("h2", {}, "Clock"), now, steps, running),
    h("section", { "aria-label": "This sandbox" }, h("h2", {}, "This sandbox"), facts),
    h(
      "section",
      { "aria-label": "Reset", class: "danger-zone" },
      h("h2", {}, "Reset"),
      h("p", {}, "Delete all messages, requests, webhooks and faults, and restore the initial credits. The token stays."),
      h("button", { type: "button", class: "danger", onclick: reset }, "Reset the sandbox…"),
    ),
  );
  let last = null;

  async function load() {
    try {
      last = await get("account");
    } catch {
      return; // The stream of changes shows that the sandbox does not respond.
    }
    setNow(last.now);
    onAccount(last);
    draw(last);
  }

  function draw(account) {
    balance.textContent = `${count(account.credits)} left`;
    steps.hidden = !account.adjustable;
    running.hidden = account.adjustable;
    parts.draw(now, account.now, (iso) => time(iso, { long: true }));
    const { credits: _credits, now: _now, manual: _manual, adjustable: _adjustable, ...rest } = account;
    parts.draw(facts, rest, (values) => rows(values));
  }

  async function setCredits(event) {
    event.preventDefault();
    const credits = Number(amount.value);
    if (await attempt(() => post("account", { credits }), `The balance is ${amount.value}`)) {
      amount.value = "";
      refresh();
    }
  }

  async function turn(words, seconds) {
    if (await attempt(() => post("advance", { seconds }), `The clock was advanced by ${words}`)) refresh();
  }

  async function reset() {
    if (!(await ask("Reset the sandbox?", "All messages, requests, webhooks and faults are deleted. This cannot be undone.", "Reset"))) return;
    if (await attempt(() => post("reset"), "The sandbox was reset")) refresh();
  }

  return { element, heading, title: () => "Account", show: refresh, changed: refresh, refresh, keys: {} };
}

/** Return the rows of the account's values; a group of values is shown in one line. */
function rows(values) {
  return Object.entries(values).map(([name, value]) => [h("dt", {}, NAMES[name] ?? sentence(name.replaceAll("_", " "))), h("dd", {}, shown(name, value))]);
}

function shown(name, value) {
  if (value === null || value === "") return "–";
  if (URLS.includes(name)) return value ? "Set" : "Not set";
  if (name === "delivery_delay") return `${value} s`;
  if (typeof value === "boolean") return value ? "On" : "Off";
  if (typeof value === "number") return count(value);
  if (typeof value === "object") {
    return Object.entries(value).map(([one, part]) => h("span", { class: "pair" }, `${one.replaceAll("_", " ")} `, h("strong", {}, shown(one, part))));
  }
  return String(value);
}
