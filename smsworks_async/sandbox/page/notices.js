// What the page says about what was done: in a corner, and to screen readers.

import { h } from "./dom.js";

const SHOWN_FOR = 5000; // milliseconds

/** Show that something was done, or why it was not. */
export function notify(words, { error = false } = {}) {
  const toast = h("p", { class: error ? "toast bad" : "toast", role: error ? "alert" : "status" }, words);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), error ? 2 * SHOWN_FOR : SHOWN_FOR);
}

/** Tell a screen reader. */
export function announce(words) {
  document.getElementById("announcements").textContent = words;
}

/** Do something that may be refused; say so, or that it was done. Return whether it was. */
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
    if (!navigator.clipboard) throw new Error("The browser lets pages copy on localhost and by https only.");
    await navigator.clipboard.writeText(words);
  }, `${title} copied`);
}
