// How times, amounts and statuses are shown.

import { h } from "./dom.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const LONG = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});

let today = new Date().toDateString();

/** Set which day is today by the sandbox's clock, which need not be this machine's. */
export function setNow(iso) {
  today = new Date(iso).toDateString();
}

/** Show a moment: the time where it is today, otherwise the day, too. */
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

/** Show an HTTP status; none where the connection was cut, or nothing has come yet. */
export function httpStatus(code, none = "No answer") {
  if (!code) return h("span", { class: "badge bad" }, none);
  const tone = code < 300 ? "good" : code < 400 ? "later" : "bad";
  return h("span", { class: `badge ${tone}` }, String(code));
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "";
  return value < 10 ? `${value.toFixed(1)} ms` : `${count(Math.round(value))} ms`;
}

/** The number of the phone that a message went to, or came from. */
export function phone(message) {
  return message.direction === "received" ? message.sender : message.destination;
}

/** The account's side of a message. */
export function service(message) {
  return message.direction === "received" ? message.destination : message.sender;
}

/** Write a phone number as people do; names stay as they are. */
export function number(text) {
  const digits = String(text ?? "");
  if (/^447\d{9}$/.test(digits)) return `0${digits.slice(2, 6)} ${digits.slice(6)}`;
  return /^\d{9,15}$/.test(digits) ? `+${digits}` : digits;
}
