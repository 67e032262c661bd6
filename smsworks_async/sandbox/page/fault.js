// The description of a fault in words.

import { h } from "./dom.js";

/** The outcome for the client, unless the fault has a response. */
export const OUTCOMES = {
  before: "cut before it is accepted",
  after: "accepted, then the response is lost",
  mid: "accepted, then half a response",
  hold: "accepted, the response held",
  late: "held, then accepted",
  hang: "held, and not accepted",
};
const SHORT = { before: "cut", after: "response lost", mid: "half a response", hold: "response held", late: "held", hang: "held" };
const ACCEPTING = ["after", "mid", "hold", "late"];

export function method(fault) {
  return h("span", { class: "method" }, fault.method ?? "ANY");
}

/** Return in words to which of the matching requests a fault applies. */
export function whichOf({ nth = 1, times = 1, every = null }) {
  if (every) return every === 1 ? "Every request" : `Every ${ordinal(every)} request`;
  if (times === 0) return nth === 1 ? "Every request" : `All from the ${ordinal(nth)} on`;
  if (times === 1) return `The ${nth === 1 ? "first" : ordinal(nth)} request`;
  return nth === 1 ? `The first ${times} requests` : `${times} requests from the ${ordinal(nth)} on`;
}

/** Return in words the outcome of a request to which a fault applies. */
export function answerOf(fault) {
  const { when = "before" } = fault;
  const own = ownAnswer(fault);
  if (!own) return OUTCOMES[when] + (fault.delay ? ` for ${fault.delay} s` : "");
  return ACCEPTING.includes(when) ? `accepted, but the response is ${own}` : `the response is ${own}`;
}

/** Return the same in one or two words. */
export function shortAnswerOf(fault) {
  return ownAnswer(fault) ?? SHORT[fault.when ?? "before"];
}

function ownAnswer({ status = null, error_code = null, body = null }) {
  if (error_code !== null) return `error ${error_code}`;
  if (status !== null) return String(status);
  return body === null ? null : "a given body";
}

function ordinal(number) {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[number % 10] ?? "th");
  return `${number}${ending}`;
}
