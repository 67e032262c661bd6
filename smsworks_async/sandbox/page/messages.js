// The view of messages: a list with search and filters, and a message beside it.

import { post } from "./api.js";
import { askForm, field } from "./dialogs.js";
import { createDetail } from "./detail.js";
import { fill, h, icon, isolated } from "./dom.js";
import { Filters } from "./filters.js";
import { number, phone, plural, sentence, service, status, time } from "./format.js";
import { notify } from "./notices.js";
import { PagedList } from "./paged.js";
import { address, go, known } from "./router.js";

const NAMES = ["q", "direction", "status", "kind", "number", "batch", "before"];
const SNIPPET = 200; // characters

export function createMessages() {
  let route = { id: "", query: {} };

  const filters = new Filters((values, options) => go(address("messages", route.id, values), options));
  const list = new PagedList({
    path: "messages",
    field: "messages",
    noun: "message",
    link: (values) => address("messages", "", values),
    build: (message, row) => buildRow(message, row, route),
    empty: nothing,
    actions: [h("button", { type: "button", class: "small", onclick: askIncoming }, icon("plus"), "Incoming text")],
  });
  const detail = createDetail({ close: () => address("messages", "", route.query) });
  const heading = h("h1", { tabindex: "-1", class: "visually-hidden" }, "Messages");
  const element = h(
    "div",
    { class: "panes" },
    h("section", { class: "list-pane", "aria-label": "List of messages" }, heading, filters.element, list.bar, list.scroller),
    detail.element,
  );

  return {
    element,
    heading,
    title: () => "Messages",
    show(next) {
      route = { id: next.id, query: known(next.query, NAMES) };
      filters.show(route.query);
      list.show(route.query);
      list.mark(route.id);
      for (const link of list.rows.querySelectorAll("a.row")) link.setAttribute("href", rowAddress(link.parentElement.dataset.key, route));
      element.classList.toggle("has-detail", route.id !== "");
      detail.show(route.id);
    },
    changed() {
      list.refresh();
      detail.changed();
    },
    focusDetail: () => detail.heading.focus(),
    focusRow: (id) => list.focus(id),
    keys: {
      "/": () => filters.focus(),
      j: () => move(1),
      k: () => move(-1),
      r: () => detail.focusReply(),
      n: askIncoming,
      Escape: () => (route.id ? go(address("messages", "", route.query)) : filters.clear()),
    },
  };

  function move(step) {
    const id = list.move(step);
    if (id && route.id) go(address("messages", id, route.query), { replace: true });
  }
}

function rowAddress(id, route) {
  return address("messages", id, route.query);
}

function buildRow(message, row, route) {
  const received = message.direction === "received";
  const link = row?.querySelector("a") ?? h("a", { class: "row" });
  link.setAttribute("href", rowAddress(message.id, route));
  fill(
    link,
    h("span", { class: received ? "direction received" : "direction" }, icon(received ? "received" : "sent"), h("span", { class: "visually-hidden" }, received ? "Received from" : "Sent to")),
    isolated(number(phone(message)), { class: "who" }),
    h("span", { class: "service" }, h("span", { class: "visually-hidden" }, received ? "to" : "from"), isolated(number(service(message)))),
    h("span", { class: "snippet" }, isolated([...(message.content ?? "")].slice(0, SNIPPET).join(""), { dir: "auto" })),
    h("span", { class: "chips" }, chips(message)),
    h("span", { class: "row-status" }, status(message)),
    h("span", { class: "when" }, time(message.scheduled && message.status === "SCHEDULED" ? message.scheduled : message.created)),
  );
  if (row) return row;
  return h("li", { class: "message" }, link);
}

function chips(message) {
  return [
    message.deleted ? h("span", { class: "chip" }, "Deleted") : null,
    message.kind && message.kind !== "text" ? h("span", { class: "chip" }, sentence(message.kind)) : null,
    message.segments > 1 ? h("span", { class: "chip" }, plural(message.segments, "segment")) : null,
    message.encoding && !/gsm|bin/i.test(message.encoding) ? h("span", { class: "chip" }, "Unicode") : null,
    message.tag ? h("span", { class: "chip tag" }, isolated(message.tag)) : null,
  ];
}

function nothing(filtered) {
  if (filtered) {
    return [h("h2", {}, "No message matches"), h("p", {}, h("a", { href: "#/messages" }, "Show all messages"))];
  }
  return [
    h("h2", {}, "No messages yet"),
    h("p", {}, "Configure your service to use this sandbox; its messages then appear here immediately. Nothing is sent to phones."),
    h("pre", { class: "hint" }, `SMSWORKS_BASE_URL=${location.origin}/v1`),
    h("p", { class: "quiet" }, "The token is in the terminal that started the sandbox."),
  ];
}

function askIncoming() {
  askForm(
    "Incoming text",
    [
      field("From", h("input", { name: "sender", required: true, inputmode: "tel", value: "447700900123" }), "The phone's number"),
      field("To", h("input", { name: "to", required: true, inputmode: "tel", value: "60777" }), "One of the account's numbers"),
      field("Text", h("textarea", { name: "content", required: true, rows: "3" })),
    ],
    "Send",
    async ({ sender, to, content }) => {
      await post("incoming", { sender: sender.replace(/[\s()+-]/g, "").replace(/^0(?=7)/, "44"), to, content });
      notify("Incoming text received");
    },
  );
}
