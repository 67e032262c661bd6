// The actions on a message: its delivery, report, schedule and passcode.

import { getReference, post } from "./api.js";
import { Parts, fill, h, icon } from "./dom.js";
import { attempt, copy } from "./notices.js";

const LATE = 10; // seconds

export function createActs({ reload }) {
  const parts = new Parts();
  const element = h("div", { class: "acts", role: "group", "aria-label": "Actions" });
  let id = "";

  async function act(name, body, done) {
    if (await attempt(() => post(`messages/${encodeURIComponent(id)}/${name}`, body), done)) reload();
  }

  function draw(message) {
    id = message.id;
    element.hidden = message.direction === "received";
    parts.draw(element, [message.id, message.status, message.final, message.passcode, message.direction], () => [
      message.status === "SCHEDULED" ? schedule() : null,
      message.status === "SENT" && !message.final ? delivery() : null,
      message.final && message.status !== "CANCELLED" ? report() : null,
      message.passcode ? passcode(message.passcode) : null,
    ]);
  }

  function button(words, name, body, done, tone = "") {
    return h("button", { type: "button", class: tone, onclick: () => act(name, body, done) }, words);
  }

  function schedule() {
    return h("div", { class: "act" }, button("Send now", "fire", {}, "Sent", "primary"), button("Cancel", "cancel", {}, "Cancelled"));
  }

  function delivery() {
    const codes = h("select", { "aria-label": "Code of the failure" });
    getReference().then(({ codes: rows }) => {
      fill(codes, rows.map(({ code, meaning }) => h("option", { value: code }, `${code} ${meaning}`)));
      codes.value = "5006";
    }, () => {});
    const fail = () => act("deliver", { code: Number(codes.value) }, `Failed with ${codes.value}`);
    return h(
      "div",
      { class: "act" },
      button("Deliver now", "deliver", {}, "Delivered", "primary"),
      h("span", { class: "joined" }, codes, h("button", { type: "button", onclick: fail }, "Fail with this code")),
    );
  }

  function report() {
    return h(
      "div",
      { class: "act" },
      h("span", { class: "act-name" }, "Post the report"),
      button("Again", "report", { times: 1 }, "Report posted again"),
      button("Twice", "report", { times: 2 }, "Report posted twice"),
      button(`In ${LATE} s`, "report", { times: 1, delay: LATE }, `Report follows in ${LATE} s`),
    );
  }

  function passcode(code) {
    return h(
      "div",
      { class: "act passcode" },
      h("span", { class: "act-name" }, "Passcode"),
      h("code", { class: "code-word" }, code),
      h("button", { type: "button", onclick: () => copy(code, "Passcode") }, icon("copy"), "Copy"),
    );
  }

  return { element, draw };
}
