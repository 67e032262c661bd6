// Notices about actions: as toasts, and for screen readers.

import { h } from "./dom.js";

const SHOWN_FOR = 5000; // milliseconds

/** Show a notice, or an error. */
export function notify(words, { error = false } = {}) {
  const toast = h("p", { class: error ? "toast bad" : "toast", role: error ? "alert" : "status" }, words);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), error ? 2 * SHOWN_FOR : SHOWN_FOR);
}

/** Announce a text to screen readers. */
export function announce(words) {
  document.getElementById("announcements").textContent = words;
}

/** Run an action; show a notice when it is done, or its error. Return whether it succeeded. */
export async function attempt(work, done) {
  try {
    await work();
  } catch (error) {
    notify(error.message, { error: true });
    return false;
  }
  if (done) notify(done);
  return true;
}

export function copy(words, title) {
  return attempt(async () => {
    if (!navigator.clipboard) throw new Error("The browser allows copying only on localhost and over https.");
    await navigator.clipboard.writeText(words);
  }, `${title} copied`);
}
