// The view of webhooks: attempts to post a report or an incoming text, with their responses.

import { fill, h, isolated } from "./dom.js";
import { httpStatus, milliseconds, number, status, time } from "./format.js";
import { json } from "./json.js";
import { PagedList } from "./paged.js";
import { address, known } from "./router.js";

/** Create or update the row of an attempt, which can be opened to show its body. */
export function buildPost(post, row, { link = true } = {}) {
  const details = row?.querySelector("details") ?? h("details", {}, h("summary"), h("div", { class: "post-body" }));
  const [summary, body] = details.children;
  fill(
    summary,
    h("span", { class: "post-kind" }, post.kind === "incoming" ? "Incoming text" : "Delivery report"),
    h("span", { class: "post-about" }, about(post)),
    h("span", { class: "post-url" }, "POST ", isolated(post.url)),
    h("span", { class: "chips" }, post.attempt > 1 ? h("span", { class: "chip warn" }, `Attempt ${post.attempt}`) : null),
    h("span", { class: "row-status" }, post.waiting ? h("span", { class: "badge busy" }, "Waiting") : httpStatus(post.status, "No response")),
    h("span", { class: "duration" }, milliseconds(post.milliseconds)),
    h("span", { class: "when" }, time(post.at)),
  );
  fill(
    body,
    h("p", { class: "path" }, "POST ", isolated(post.url)),
    post.error ? h("p", { class: "post-error" }, isolated(post.error)) : null,
    link && post.message ? h("p", {}, h("a", { href: address("messages", post.message) }, `Message ${post.message}`)) : null,
    json("Body", post.body),
  );
  return row ?? h("li", { class: "post" }, details);
}

function about({ body, kind }) {
  if (!body) return "";
  if (kind === "incoming") return isolated(number(body.from));
  return [isolated(number(body.destination)), " ", status({ status: String(body.status ?? ""), code: body.failurereason?.code })];
}

export function createWebhooks() {
  const heading = h("h1", { tabindex: "-1" }, "Webhooks");
  const list = new PagedList({
    heading,
    path: "webhooks",
    field: "webhooks",
    noun: "webhook",
    link: (values) => address("webhooks", "", values),
    build: (post, row) => buildPost(post, row),
    empty: nothing,
  });
  const element = h("div", { class: "panes" }, h("section", { class: "list-pane", "aria-label": "List of webhooks" }, list.bar, list.scroller));
  return {
    element,
    heading,
    title: () => "Webhooks",
    show: (route) => list.show(known(route.query, ["before"])),
    changed: () => list.refresh(),
    focusRow: (id) => list.focus(id),
    keys: { j: () => list.move(1), k: () => list.move(-1) },
  };
}

function nothing() {
  return [
    h("h2", {}, "Nothing has been posted yet"),
    h("p", {}, "Delivery reports and incoming texts are posted to the URL of the message, or to the URLs with which the sandbox was started:"),
    h("pre", { class: "hint" }, "smsworks sandbox --delivery-report-url URL --incoming-url URL"),
  ];
}
