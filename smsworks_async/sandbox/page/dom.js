// The only module that creates elements. Text is always inserted as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  messages: "M4 5h16v11H10l-5 4v-4H4z",
  requests: "M4 8h13m-4-4 4 4-4 4M20 16H7m4-4-4 4 4 4",
  webhooks: "M12 4v9m0 0-4-4m4 4 4-4M5 15v4h14v-4",
  faults: "M13 3 5 14h6l-1 7 8-11h-6z",
  account: "M4 7h16v11H4zM4 11h16M8 15h3",
  sent: "M7 17 17 7M9 7h8v8",
  received: "M17 7 7 17M15 17H7V9",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  back: "M14 6l-6 6 6 6",
  newer: "M14 6l-6 6 6 6",
  older: "M10 6l6 6-6 6",
  close: "M6 6l12 12M18 6 6 18",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  dark: "M19 14A8 8 0 0 1 10 5a8 8 0 1 0 9 9z",
  plus: "M12 5v14M5 12h14",
};

/** Create an element. Attributes that begin with `on` are listeners; null and false are ignored. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...flatten(children));
  return element;
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replace the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flatten(children));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Return text of unknown direction, isolated from the text around it. */
export function isolated(text, attributes = {}) {
  return h("bdi", attributes, text ?? "");
}

/**
 * Update an element's children to match a list of items, in order. The child of a key that is still
 * in the list is kept, with its focus; it is rebuilt only if its item has changed.
 */
export function reconcile(parent, items, { key, build }) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const signature = JSON.stringify(item);
    let child = known.get(name);
    known.delete(name);
    if (!child) {
      child = build(item, null);
      child.dataset.key = name;
      parent.insertBefore(child, next);
    } else {
      if (child === next) next = next.nextElementSibling;
      else parent.insertBefore(child, next);
      if (child.signature !== signature) build(item, child);
    }
    child.signature = signature;
  }
  for (const child of known.values()) child.remove();
}

/** Redraw parts of a view, each only if its data has changed. */
export class Parts {
  #signatures = new WeakMap();

  draw(slot, data, build) {
    const signature = JSON.stringify(data) ?? "";
    if (this.#signatures.get(slot) === signature) return;
    this.#signatures.set(slot, signature);
    fill(slot, build(data));
  }
}
