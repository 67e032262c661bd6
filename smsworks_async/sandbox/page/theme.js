// Light, dark, or as the system has it.

const KEY = "smsworks-theme";
const NAMES = ["auto", "light", "dark"];
const WORDS = { auto: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" };

function chosen() {
  const name = localStorage.getItem(KEY);
  return NAMES.includes(name) ? name : "auto";
}

/** Apply the colours that were chosen; `show` gets their words and their name. */
export function applyTheme(show) {
  const name = chosen();
  document.documentElement.dataset.theme = name;
  show(WORDS[name], name);
}

export function nextTheme(show) {
  localStorage.setItem(KEY, NAMES[(NAMES.indexOf(chosen()) + 1) % NAMES.length]);
  applyTheme(show);
}
