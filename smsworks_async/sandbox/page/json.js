// JSON for people: indented, coloured, and with a button that copies it.

import { h, icon } from "./dom.js";
import { copy } from "./notices.js";

const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONGEST = 50_000; // characters; longer texts are not coloured

function text(value) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

function coloured(words) {
  if (words.length > LONGEST) return [words];
  const parts = [];
  let end = 0;
  for (const match of words.matchAll(TOKENS)) {
    if (match.index > end) parts.push(words.slice(end, match.index));
    const kind = match[2] ? "name" : match[1] ? "string" : "literal";
    parts.push(h("span", { class: `json-${kind}` }, match[1] ?? match[0]), match[2] ?? "");
    end = match.index + match[0].length;
  }
  parts.push(words.slice(end));
  return parts;
}

/** Return an element for a value, with a title. */
export function json(title, value) {
  const words = text(value);
  const bar = h("div", { class: "code-bar" }, h("span", {}, title));
  if (!words) return h("div", { class: "code" }, bar, h("p", { class: "quiet code-empty" }, "Empty"));
  bar.append(
    h("button", { type: "button", class: "icon-button", "aria-label": `Copy ${title.toLowerCase()}`, title: "Copy", onclick: () => copy(words, title) }, icon("copy")),
  );
  return h("div", { class: "code" }, bar, h("pre", { tabindex: "0", "aria-label": title, role: "region" }, h("code", {}, coloured(words))));
}
