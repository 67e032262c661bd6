// The view of requests below `/v1`, each with its response and the fault that applied to it.

import { get } from "./api.js";
import { Parts, fill, h, icon, isolated } from "./dom.js";
import { answerOf, shortAnswerOf } from "./fault.js";
import { httpStatus, milliseconds, plural, time } from "./format.js";
import { json } from "./json.js";
import { coalesced } from "./live.js";
import { PagedList } from "./paged.js";
import { address, go, known } from "./router.js";

/** Return the elements of a request's summary in one line. */
export function buildRequestSummary(request) {
  return [
    h("span", { class: "method" }, request.method),
    " ",
    isolated(request.path, { class: "path" }),
    " ",
    httpStatus(request.status),
    " ",
    h("span", { class: "quiet" }, milliseconds(request.milliseconds)),
  ];
}

export function createRequests() {
  let route = { id: "", query: {} };
  const heading = h("h1", { tabindex: "-1" }, "Requests");
  const list = new PagedList({
    heading,
    path: "requests",
    field: "requests",
    noun: "request",
    link: (values) => address("requests", "", values),
    build: (request, row) => buildRow(request, row, route),
    empty: () => [h("h2", {}, "No requests yet"), h("p", {}, "Requests to the API are listed here, with their bodies, responses and durations.")],
  });
  const detail = createRequestDetail(() => address("requests", "", route.query));
  const element = h(
    "div",
    { class: "panes" },
    h("section", { class: "list-pane", "aria-label": "List of requests" }, list.bar, list.scroller),
    detail.element,
  );

  function move(step) {
    const id = list.move(step);
    if (id && route.id) go(address("requests", id, route.query), { replace: true });
  }

  return {
    element,
    heading,
    title: () => "Requests",
    show(next) {
      route = { id: next.id, query: known(next.query, ["before"]) };
      list.show(route.query);
      list.mark(route.id);
      element.classList.toggle("has-detail", route.id !== "");
      detail.show(route.id);
    },
    changed() {
      list.refresh();
      detail.refresh();
    },
    focusDetail: () => detail.heading.focus(),
    focusRow: (id) => list.focus(id),
    keys: {
      j: () => move(1),
      k: () => move(-1),
      Escape: () => route.id && go(address("requests", "", route.query)),
    },
  };
}

function buildRow(request, row, route) {
  const link = row?.querySelector("a") ?? h("a", { class: "row" });
  link.setAttribute("href", address("requests", request.id, route.query));
  fill(
    link,
    h("span", { class: "method" }, request.method),
    isolated(request.path, { class: "path" }),
    h("span", { class: "chips" }, requestChips(request)),
    h("span", { class: "row-status" }, httpStatus(request.status)),
    h("span", { class: "duration" }, milliseconds(request.milliseconds)),
    h("span", { class: "when" }, time(request.at)),
  );
  return row ?? h("li", { class: "request" }, link);
}

function requestChips(request) {
  const unknown = request.unknown_fields ?? [];
  const made = request.messages ?? [];
  return [
    request.fault ? h("span", { class: "chip fault" }, `Fault: ${shortAnswerOf(request.fault)}`) : null,
    unknown.length ? h("span", { class: "chip warn" }, plural(unknown.length, "unknown field")) : null,
    made.length ? h("span", { class: "chip" }, plural(made.length, "message")) : null,
  ];
}

function createRequestDetail(close) {
  let id = "";
  const parts = new Parts();
  const heading = h("h2", { tabindex: "-1", class: "detail-title" });
  const back = h("a", { class: "icon-button back", "aria-label": "Back to the list", title: "Back to the list (Esc)" }, icon("back"));
  const body = h("div", { class: "detail-body single" });
  const element = h("section", { class: "detail-pane", "aria-label": "Request" }, h("div", { class: "detail-bar" }, back, heading), body);

  async function load() {
    const wanted = id;
    if (!wanted) return;
    try {
      const request = await get(`requests/${encodeURIComponent(wanted)}`);
      if (wanted !== id) return;
      parts.draw(heading, request, buildRequestSummary);
      parts.draw(body, request, requestParts);
    } catch (error) {
      if (wanted !== id || !error.status) return;
      parts.draw(heading, wanted, () => "Request");
      parts.draw(body, [wanted, error.message], () => h("div", { class: "empty" }, h("h3", {}, "Request not found"), h("p", {}, error.message)));
    }
  }

  return {
    element,
    heading,
    refresh: coalesced(load),
    show(next) {
      back.setAttribute("href", close());
      if (next === id) return;
      id = next;
      element.hidden = !id;
      element.scrollTop = 0;
      load();
    },
  };
}

function requestParts(request) {
  const unknown = request.unknown_fields ?? [];
  const made = request.messages ?? [];
  return [
    h("dl", { class: "facts" }, [
      h("dt", {}, "At"),
      h("dd", {}, time(request.at, { long: true })),
      request.fault ? [h("dt", {}, "Fault"), h("dd", {}, h("span", { class: "chip fault" }, answerOf(request.fault)))] : null,
      unknown.length ? [h("dt", {}, "Unknown"), h("dd", {}, unknown.map((name) => [h("code", {}, isolated(name)), " "]), h("span", { class: "meaning" }, "The API ignores these fields, which it does not know."))] : null,
      made.length ? [h("dt", {}, "Messages"), h("dd", { class: "links" }, made.map((one) => h("a", { href: address("messages", one) }, one)))] : null,
    ]),
    json("Body", request.body),
    json("Response", request.answer),
  ];
}
