// Addresses such as `#/messages/123?status=SENT`, so that views can be linked and Back works.

/** Split an address into its view, id and query. */
export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", id = ""] = path.split("/");
  return { view: decode(view), id: decode(id), query: Object.fromEntries(new URLSearchParams(search)) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return the query values that a view knows, since an address may have been typed. */
export function known(query, names) {
  return Object.fromEntries(Object.entries(query).filter(([name, value]) => names.includes(name) && value !== ""));
}

export function address(view, id = "", values = {}) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined);
  const search = new URLSearchParams(pairs).toString();
  return `#/${view}${id === "" ? "" : `/${encodeURIComponent(id)}`}${search ? `?${search}` : ""}`;
}

/** Go to an address; with `replace`, the current one is removed from the history. */
export function go(to, { replace = false } = {}) {
  if (to === location.hash) return;
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
