// One message: the phone, its facts and history, the request that made it, and its webhooks.

import { createActs } from "./acts.js";
import { get } from "./api.js";
import { Parts, fill, h, icon, isolated, reconcile } from "./dom.js";
import { number, phone, plural, sentence, service, status, time } from "./format.js";
import { json } from "./json.js";
import { coalesced } from "./live.js";
import { copy } from "./notices.js";
import { createPhone } from "./phone.js";
import { buildRequestSummary } from "./requests.js";
import { address } from "./router.js";
import { buildPost } from "./webhooks.js";

export function createDetail({ close }) {
  let id = "";
  const parts = new Parts();
  const refresh = coalesced(load);
  const handset = createPhone({ reload: refresh });
  const acts = createActs({ reload: refresh });

  const heading = h("h2", { tabindex: "-1", class: "detail-title" });
  const back = h("a", { class: "icon-button back", "aria-label": "Back to the list", title: "Back to the list (Esc)" }, icon("back"));
  const problem = h("div", { class: "empty", hidden: true });
  const facts = h("dl", { class: "facts" });
  const unicode = h("div");
  const history = h("ol", { class: "history" });
  const metadata = h("div");
  const request = h("div");
  const posts = h("ol", { class: "posts" });
  const noPosts = h("p", { class: "quiet" }, "Nothing has been posted for this message.");
  const body = h(
    "div",
    { class: "detail-body" },
    handset.element,
    h(
      "div",
      { class: "detail-facts" },
      acts.element,
      section("Message", facts, unicode),
      section("History", history),
      metadata,
      section("Request", request),
      section("Webhooks", posts, noPosts),
    ),
  );
  const element = h("section", { class: "detail-pane", "aria-label": "Message" }, h("div", { class: "detail-bar" }, back, heading), problem, body);

  async function load() {
    const wanted = id;
    if (!wanted) return;
    try {
      const message = await get(`messages/${encodeURIComponent(wanted)}`);
      if (wanted === id) draw(message);
    } catch (error) {
      if (wanted !== id || !error.status) return;
      problem.hidden = false;
      body.hidden = true;
      parts.draw(heading, null, () => "Message");
      fill(problem, h("h3", {}, "Message not found"), h("p", {}, error.message));
    }
  }

  function draw(message) {
    problem.hidden = true;
    body.hidden = false;
    parts.draw(heading, [message.direction, phone(message), message.status, message.code, message.meaning], () => [
      message.direction === "received" ? "From " : "To ",
      isolated(number(phone(message))),
      " ",
      status(message),
    ]);
    handset.draw(message);
    acts.draw(message);
    const { parts: _parts, conversation: _conversation, history: steps, request: made, posts: attempts, metadata: pairs, ...rest } = message;
    parts.draw(facts, rest, factsOf);
    parts.draw(unicode, message.unicode ?? [], unicodeOf);
    parts.draw(history, steps ?? [], historyOf);
    parts.draw(metadata, pairs ?? [], metadataOf);
    parts.draw(request, made ?? null, requestOf);
    reconcile(posts, attempts ?? [], { key: (one) => one.id, build: (one, row) => buildPost(one, row, { link: false }) });
    noPosts.hidden = (attempts ?? []).length > 0;
  }

  return {
    element,
    heading,
    show(next) {
      back.setAttribute("href", close());
      if (next === id) return;
      id = next;
      element.hidden = !id;
      body.hidden = true;
      element.scrollTop = 0;
      parts.draw(heading, null, () => "Message");
      load();
    },
    changed() {
      if (id) refresh();
    },
    focusReply: () => handset.focus(),
  };
}

function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), ...content);
}

function fact(name, ...value) {
  return [h("dt", {}, name), h("dd", {}, ...value)];
}

function factsOf(message) {
  const received = message.direction === "received";
  return [
    fact(received ? "From" : "To", filterLink("number", phone(message))),
    fact(received ? "To" : "From", isolated(number(service(message)))),
    fact("Status", status(message), message.meaning ? h("span", { class: "meaning" }, message.meaning) : null),
    fact("Size", [plural(message.segments ?? 0, "segment"), message.encoding, received || message.credits === null || message.credits === undefined ? null : plural(message.credits, "credit")].filter(Boolean).join(" · ")),
    message.kind && message.kind !== "text" ? fact("Kind", sentence(message.kind)) : null,
    message.deleted ? fact("Record", "Deleted: the API no longer finds it") : null,
    message.tag ? fact("Tag", isolated(message.tag)) : null,
    message.reference ? fact("Reference", isolated(message.reference)) : null,
    message.batchid ? fact("Batch", filterLink("batch", message.batchid)) : null,
    fact("Created", time(message.created, { long: true })),
    message.scheduled ? fact("Scheduled", time(message.scheduled, { long: true })) : null,
    fact("Id", h("code", {}, message.id), " ", copyButton("Message id", message.id)),
  ];
}

function filterLink(name, value) {
  return h("a", { href: address("messages", "", { [name]: value }), title: "Show all of these" }, isolated(number(value)));
}

function copyButton(title, words) {
  return h("button", { type: "button", class: "icon-button", "aria-label": `Copy ${title.toLowerCase()}`, title: "Copy", onclick: () => copy(words, title) }, icon("copy"));
}

function unicodeOf(characters) {
  if (characters.length === 0) return [];
  const times = new Map();
  for (const one of characters) {
    const words = `U+${one.character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")} ${one.name ?? ""}`.trim();
    times.set(words, (times.get(words) ?? 0) + 1);
  }
  return [
    h("p", { class: "forced" }, `${plural(characters.length, "character")} outside GSM 03.38 made this text Unicode, with 70 characters per segment instead of 160:`),
    h("ul", { class: "characters" }, [...times].map(([words, number]) => h("li", {}, h("code", {}, words), number > 1 ? ` × ${number}` : ""))),
  ];
}

function historyOf(steps) {
  return steps.map((step) => h("li", {}, status(step), step.meaning ? h("span", { class: "meaning" }, step.meaning) : null, time(step.at)));
}

function metadataOf(pairs) {
  const rows = Array.isArray(pairs) ? pairs.map(({ key, value }) => [key, value]) : Object.entries(pairs);
  if (rows.length === 0) return [];
  return section("Metadata", h("dl", { class: "facts" }, rows.map(([key, value]) => [h("dt", {}, isolated(key)), h("dd", {}, isolated(String(value)))])));
}

function requestOf(made) {
  if (!made) return h("p", { class: "quiet" }, "The request that made this message is no longer kept, or there was none.");
  return [
    h("p", {}, h("a", { href: address("requests", made.id) }, buildRequestSummary(made))),
    json("Request", made.body),
    json("Response", made.answer),
  ];
}
