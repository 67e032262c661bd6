// A phone that shows the conversation of a message.

import { post } from "./api.js";
import { Parts, fill, h, isolated, reconcile } from "./dom.js";
import { number, phone, sentence, service, time } from "./format.js";
import { attempt, notify } from "./notices.js";

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });
// Characters that are invisible or change the text direction if they are alone in a cluster.
const INVISIBLE = /^[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const NAMED = 5; // the most characters of a cluster that are listed

export function createPhone({ reload }) {
  const parts = new Parts();
  let current = null;

  const title = h("div", { class: "phone-title" });
  const thread = h("ol", { class: "thread", tabindex: "0", "aria-label": "Conversation" });
  const input = h("textarea", { rows: "1", "aria-label": "Reply as the handset", "aria-keyshortcuts": "r", placeholder: "Reply as the handset" });
  const send = h("button", { type: "submit", class: "primary" }, "Send");
  const quick = ["STOP", "START"].map((word) => h("button", { type: "button", class: "quick", onclick: () => reply(word) }, word));
  const note = h("p", { class: "phone-note", hidden: true }, "A phone cannot reply to a name. To try replies, send from a number.");
  const form = h("form", { class: "composer", onsubmit: submitted }, h("div", { class: "quick-replies" }, quick), h("div", { class: "compose" }, input, send));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const element = h("section", { class: "phone", "aria-label": "Phone" }, title, thread, form, note);

  async function reply(content) {
    const done = content.length > 20 ? "Replied" : `Replied ${content}`;
    if (await attempt(() => post(`messages/${encodeURIComponent(current.id)}/reply`, { content }), done)) {
      input.value = "";
      reload();
    }
  }

  function submitted(event) {
    event.preventDefault();
    if (input.value.trim() === "") notify("The reply is empty; write a text first.", { error: true });
    else reply(input.value);
  }

  function draw(message) {
    const isOther = current?.id !== message.id;
    current = message;
    parts.draw(title, [service(message), phone(message)], () => [
      h("span", { class: "avatar", "aria-hidden": "true" }, initial(service(message))),
      h("span", { class: "phone-names" }, h("strong", {}, isolated(number(service(message)))), h("span", { class: "quiet" }, "on ", isolated(number(phone(message))))),
    ]);
    const latest = message.conversation ?? [];
    const shown = latest.some((one) => one.id === message.id) ? latest : [message, ...latest];
    const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 20;
    const entries = shown.map((one) => (one.id === message.id ? { ...message, ...one, current: true } : one));
    reconcile(thread, entries.map(entryOf), { key: (one) => one.id, build: (one, row) => bubble(one, row) });
    const nameless = /^\d+$/.test(service(message) ?? "");
    form.hidden = !nameless;
    note.hidden = nameless;
    if (isOther) thread.querySelector(".current")?.scrollIntoView({ block: "nearest" });
    else if (atEnd) thread.scrollTop = thread.scrollHeight;
  }

  return { element, draw, focus: () => (form.hidden ? null : input.focus()) };
}

function initial(name) {
  return /^[a-z]/i.test(name ?? "") ? name.charAt(0).toUpperCase() : "#";
}

/** Return only the data of a bubble, which is redrawn when the data changes. */
function entryOf({ id, direction, content, status, code, meaning, created, kind, parts, unicode, current, final }) {
  return { id, direction, content, status, code, meaning, created, kind, final, ...(current ? { parts, unicode, current } : {}) };
}

function bubble(entry, row) {
  const own = entry.direction === "received";
  const item = row ?? h("li");
  item.className = `bubble-row ${own ? "own" : ""} ${entry.current ? "current" : ""}`;
  fill(
    item,
    h("div", { class: `bubble ${entry.kind ?? ""}`, dir: "auto", "aria-current": entry.current ? "true" : null }, entry.current ? segments(entry) : entry.content),
    h("div", { class: "bubble-note" }, noteOf(entry, own)),
  );
  return item;
}

function noteOf(entry, own) {
  if (own) return ["Reply · ", time(entry.created)];
  if (entry.status === "DELIVERED" || entry.status === "VERIFIED") return time(entry.created);
  return [h("span", { class: "undelivered" }, sentence(entry.status), entry.code ? ` ${entry.code}` : ""), " · ", time(entry.created)];
}

function segments({ content, parts, unicode }) {
  const texts = parts?.length ? parts : [content ?? ""];
  const forcing = new Map((unicode ?? []).map((one) => [one.position, one]));
  let position = 0;
  return texts.map((text, at) => {
    const marked = [];
    let plain = "";
    for (const { segment: cluster } of GRAPHEMES.segment(text)) {
      const length = [...cluster].length;
      const found = [];
      for (let offset = 0; offset < length; offset += 1) {
        if (forcing.has(position + offset)) found.push(forcing.get(position + offset));
      }
      position += length;
      const hidden = cluster !== "\n" && cluster !== "\r\n" && (INVISIBLE.test(cluster) || DIRECTION.test(cluster));
      if (found.length === 0 && !hidden) {
        plain += cluster;
        continue;
      }
      if (plain) marked.push(plain);
      plain = "";
      marked.push(mark(cluster, found, hidden));
    }
    if (plain) marked.push(plain);
    if (texts.length === 1) return marked;
    const label = `${at + 1}/${texts.length}`;
    return h("span", { class: "segment" }, h("span", { class: "segment-label", title: `Segment ${at + 1} of ${texts.length}` }, label), marked);
  });
}

function mark(cluster, found, hidden) {
  const names = found.slice(0, NAMED).map((one) => `${code(one.character)} ${one.name ?? ""}`.trim());
  const title = names.join(", ") + (found.length > NAMED ? ` and ${found.length - NAMED} more` : "");
  const shown = hidden ? [...cluster].slice(0, NAMED).map(code).join(" ") : cluster;
  return h("mark", { class: hidden ? "invisible" : null, title: title || null }, shown);
}

function code(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
