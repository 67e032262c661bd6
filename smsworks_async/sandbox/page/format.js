// The formatting of times, amounts and statuses.

import { h } from "./dom.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const LONG = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});

let today = new Date().toDateString();

/** Set the current day by the sandbox's clock, which may differ from this machine's. */
export function setNow(iso) {
  today = new Date(iso).toDateString();
}

/** Return an element for a time: with the date unless it is today. */
export function time(iso, { long = false } = {}) {
  if (!iso) return "";
  const date = new Date(iso);
  const isToday = date.toDateString() === today;
  const words = isToday ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
  return h("time", { datetime: iso, title: LONG.format(date) }, long ? LONG.format(date) : words);
}

export function count(number) {
  return Number(number).toLocaleString("en-GB");
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

const TONES = {
  DELIVERED: "good",
  VERIFIED: "good",
  SENT: "busy",
  SCHEDULED: "later",
  INCOMING: "incoming",
  CANCELLED: "none",
};

export function status(message) {
  const tone = TONES[message.status] ?? "bad";
  const word = message.status === "INCOMING" ? "RECEIVED" : message.status;
  const code = message.code ? ` ${message.code}` : "";
  return h("span", { class: `badge ${tone}`, title: message.meaning || null }, sentence(word), code);
}

export function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function sentence(word) {
  return capital(word.toLowerCase());
}

/** Return an element for an HTTP status; `none` is shown if there is no response. */
export function httpStatus(code, none = "No response") {
  if (!code) return h("span", { class: "badge bad" }, none);
  const tone = code < 300 ? "good" : code < 400 ? "later" : "bad";
  return h("span", { class: `badge ${tone}` }, String(code));
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "";
  return value < 10 ? `${value.toFixed(1)} ms` : `${count(Math.round(value))} ms`;
}

/** Return the number of the phone that a message was sent to or received from. */
export function phone(message) {
  return message.direction === "received" ? message.sender : message.destination;
}

/** Return the account's number or sender ID of a message. */
export function service(message) {
  return message.direction === "received" ? message.destination : message.sender;
}

/** Format a phone number for people; return a name unchanged. */
export function number(text) {
  const digits = String(text ?? "");
  if (/^447\d{9}$/.test(digits)) return `0${digits.slice(2, 6)} ${digits.slice(6)}`;
  return /^\d{9,15}$/.test(digits) ? `+${digits}` : digits;
}
