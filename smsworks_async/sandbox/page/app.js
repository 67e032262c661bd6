// The page: its views, addresses, keyboard shortcuts, and the stream of changes.

import { createAccount } from "./account.js";
import { showHelp } from "./dialogs.js";
import { fill, h, icon } from "./dom.js";
import { createFaults } from "./faults.js";
import { count } from "./format.js";
import { coalesced, follow } from "./live.js";
import { createMessages } from "./messages.js";
import { createRequests } from "./requests.js";
import { address, go, parse } from "./router.js";
import { applyTheme, nextTheme } from "./theme.js";
import { createWebhooks } from "./webhooks.js";

const NAMES = ["messages", "requests", "webhooks", "faults", "account"];
const KEYS_OFF = "smsworks-keys-off";
const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

const main = document.getElementById("main");
const account = createAccount({ onAccount: showBalance });
const views = { messages: createMessages(), requests: createRequests(), webhooks: createWebhooks(), faults: createFaults(), account };
const tabs = Object.fromEntries(NAMES.map((name) => [name, h("a", { href: address(name), class: "tab" }, icon(name), h("span", {}, views[name].title()))]));
const readAccount = coalesced(() => account.refresh(), 500);
let movingByKey = false;
let route = null;

function render() {
  const next = parse(location.hash);
  if (!NAMES.includes(next.view)) {
    go(address("messages"), { replace: true });
    return;
  }
  const last = route;
  route = next;
  const view = views[next.view];
  for (const name of NAMES) {
    views[name].element.hidden = name !== next.view;
    if (name === next.view) tabs[name].setAttribute("aria-current", "page");
    else tabs[name].removeAttribute("aria-current");
  }
  document.title = `${view.title()} – SMS sandbox`;
  view.show(next);
  if (last) moveFocus(view, last, next);
}

/** Move the focus to the view or the detail that was opened, or to the row that was closed. */
function moveFocus(view, last, next) {
  if (last.view !== next.view) (next.id && view.focusDetail ? view.focusDetail : () => view.heading.focus())();
  else if (next.id && next.id !== last.id && !movingByKey) view.focusDetail?.();
  else if (!next.id && last.id) view.focusRow?.(last.id);
}

function showBalance({ credits }) {
  const balance = document.getElementById("balance");
  balance.textContent = `${count(credits)} credits`;
  balance.hidden = false;
}

// Keyboard shortcuts

function keysAreOff() {
  return localStorage.getItem(KEYS_OFF) === "1";
}

function help() {
  showHelp({ enabled: () => !keysAreOff(), onToggle: (on) => (on ? localStorage.removeItem(KEYS_OFF) : localStorage.setItem(KEYS_OFF, "1")) });
}

const COMMON = { "?": help, ...Object.fromEntries(NAMES.map((name, at) => [String(at + 1), () => go(address(name))])) };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && typing) {
    typing.blur();
    views[route.view].focusRow?.(route.id || null);
    return;
  }
  if (typing || (keysAreOff() && event.key !== "Escape")) return;
  const act = views[route.view].keys[event.key] ?? COMMON[event.key];
  if (!act) return;
  event.preventDefault();
  movingByKey = event.key === "j" || event.key === "k";
  act();
  movingByKey = false;
});

// Start

const theme = document.getElementById("theme");
const showTheme = (words, name) => {
  fill(theme, icon(name));
  theme.setAttribute("aria-label", words);
  theme.title = words;
};
theme.addEventListener("click", () => nextTheme(showTheme));
applyTheme(showTheme);
document.getElementById("help").addEventListener("click", help);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
fill(document.getElementById("tabs"), NAMES.map((name) => tabs[name]));
fill(main, NAMES.map((name) => views[name].element));
window.addEventListener("hashchange", render);
// Read the sandbox's date first, because times of today are shown without a date.
await account.refresh();
render();
follow({
  onChange() {
    views[route.view].changed();
    if (route.view !== "account") readAccount();
  },
  onState(state) {
    document.getElementById("live").dataset.state = state;
    document.getElementById("live-text").textContent = WORDS[state];
  },
});
