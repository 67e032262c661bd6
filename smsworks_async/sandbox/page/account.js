// The view of the account: its credits, the sandbox's clock, and how to begin anew.

import { get, post } from "./api.js";
import { ask } from "./dialogs.js";
import { Parts, h } from "./dom.js";
import { count, sentence, setNow, time } from "./format.js";
import { coalesced } from "./live.js";
import { attempt } from "./notices.js";

const NAMES = {
  counts: "Counted",
  flooding: "Flooding filter",
  delivery_report_url: "URL of reports",
  incoming_url: "URL of incoming texts",
  international: "Numbers abroad",
};
const URLS = ["delivery_report_url", "incoming_url"];
const STEPS = [
  ["1 second", 1],
  ["1 minute", 60],
  ["1 hour", 3600],
  ["1 day", 86_400],
];

/** `onAccount` is called with the account each time that it was read. */
export function createAccount({ onAccount }) {
  const parts = new Parts();
  const refresh = coalesced(load);
  const heading = h("h1", { tabindex: "-1", class: "pane-title" }, "Account");
  const balance = h("output", { class: "big" });
  const amount = h("input", { name: "credits", inputmode: "decimal", "aria-label": "New balance", required: true, size: "8", placeholder: "10000" });
  const now = h("p", { class: "big" });
  const steps = h("div", { class: "act" }, STEPS.map(([words, seconds]) => h("button", { type: "button", onclick: () => turn(words, seconds) }, `+ ${words}`)));
  const running = h("p", { class: "quiet" }, "It is this machine's clock. A test can give the sandbox a ManualClock, which is turned here.");
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
      h("h2", {}, "Begin anew"),
      h("p", {}, "Deletes all messages, requests, webhooks and faults, and gives the first credits back. The token stays."),
      h("button", { type: "button", class: "danger", onclick: reset }, "Reset the sandbox…"),
    ),
  );
  let last = null;

  async function load() {
    try {
      last = await get("account");
    } catch {
      return; // The stream says that the sandbox is gone.
    }
    setNow(last.now);
    onAccount(last);
    draw(last);
  }

  function draw(account) {
    balance.textContent = `${count(account.credits)} left`;
    steps.hidden = !account.manual;
    running.hidden = account.manual;
    parts.draw(now, account.now, (iso) => time(iso, { long: true }));
    const { credits: _credits, now: _now, manual: _manual, ...rest } = account;
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
    if (await attempt(() => post("advance", { seconds }), `The clock was turned by ${words}`)) refresh();
  }

  async function reset() {
    if (!(await ask("Reset the sandbox?", "All messages, requests, webhooks and faults are deleted. This cannot be undone.", "Reset"))) return;
    if (await attempt(() => post("reset"), "The sandbox begins anew")) refresh();
  }

  return { element, heading, title: () => "Account", show: refresh, changed: refresh, refresh, keys: {} };
}

/** Show what the account says of itself; groups of values are in one line each. */
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
