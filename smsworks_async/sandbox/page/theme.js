// The colour scheme: light, dark, or the system's.

const KEY = "smsworks-theme";
const NAMES = ["auto", "light", "dark"];
const WORDS = { auto: "Colours: system", light: "Colours: light", dark: "Colours: dark" };

function chosen() {
  const name = localStorage.getItem(KEY);
  return NAMES.includes(name) ? name : "auto";
}

/** Apply the chosen colours; `show` is called with their description and name. */
export function applyTheme(show) {
  const name = chosen();
  document.documentElement.dataset.theme = name;
  show(WORDS[name], name);
}

export function nextTheme(show) {
  localStorage.setItem(KEY, NAMES[(NAMES.indexOf(chosen()) + 1) % NAMES.length]);
  applyTheme(show);
}
