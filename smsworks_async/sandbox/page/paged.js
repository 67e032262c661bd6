// A paged list, newest first, that is updated continuously.
//
// On the first page, new items appear at the top. If the list has been scrolled, it does not move;
// a button shows the number of new items.

import { get } from "./api.js";
import { fill, h, icon, reconcile } from "./dom.js";
import { count, plural } from "./format.js";
import { coalesced } from "./live.js";
import { announce, notify } from "./notices.js";

const PAGE = 50;
const AT_MOST = 500; // the sandbox's limit of items in a response
const AT_TOP = 8; // pixels

export class PagedList {
  #values = {};
  #items = [];
  #loaded = false;
  #turn = 0;

  /**
   * path, field: the endpoint of the items, and their name in the response.
   * noun: the noun for an item.
   * link: returns the address of the page for query values.
   * build: creates or updates the row of an item; see `reconcile`.
   * empty: returns the content for an empty list; it is called with whether there is a filter.
   */
  constructor({ path, field, noun, link, build, empty, heading = null, actions = [] }) {
    Object.assign(this, { path, field, noun, link, empty });
    this.build = build;
    this.rows = h("ol", { class: "rows", "aria-label": `${noun}s`.replace(/^./, (c) => c.toUpperCase()) });
    this.pill = h("button", { type: "button", class: "pill", hidden: true, onclick: () => this.toTop() });
    this.total = h("span", { class: "total" });
    this.pager = h("nav", { class: "pager", "aria-label": "Pages" });
    this.nothing = h("div", { class: "empty", hidden: true });
    this.scroller = h("div", { class: "scroll" }, this.pill, this.rows, this.nothing);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.bar = h("div", { class: "list-bar" }, heading, this.total, this.pager, ...actions);
    this.refresh = coalesced(() => this.#fetch());
  }

  /** Show the page for query values; nothing is fetched if they are the same as before. */
  show(values) {
    if (this.#loaded && JSON.stringify(values) === JSON.stringify(this.#values)) return;
    this.#values = values;
    this.#items = [];
    this.#loaded = false;
    this.#turn += 1;
    this.scroller.scrollTop = 0;
    this.#announceNew(0);
    this.refresh();
  }

  /** Mark the row with a key as the open one. */
  mark(key) {
    this.marked = key;
    for (const row of this.rows.children) this.#markRow(row);
  }

  /** Move the focus by `step` rows, and return the key of the row that gets it. */
  move(step) {
    const rows = [...this.rows.children];
    const focused = rows.findIndex((row) => row.contains(document.activeElement));
    const at = focused >= 0 ? focused : rows.findIndex((row) => row.dataset.key === this.marked);
    const to = at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1);
    return rows[to] ? this.focus(rows[to].dataset.key) : null;
  }

  /** Focus the row with a key, or the first row. */
  focus(key) {
    const row = [...this.rows.children].find((one) => one.dataset.key === key) ?? this.rows.firstElementChild;
    if (!row) return null;
    const target = row.querySelector("a, summary");
    target.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    return row.dataset.key;
  }

  toTop() {
    this.scroller.scrollTop = 0;
    this.refresh();
    this.focus(null);
  }

  get #held() {
    return !this.#values.before && this.#items.length > 0 && this.scroller.scrollTop > AT_TOP;
  }

  async #fetch() {
    const turn = this.#turn;
    const held = this.#held;
    try {
      let answer = await this.#page(PAGE);
      const shown = new Set(this.#items.map((item) => String(item.id)));
      const isNew = (item) => !shown.has(String(item.id));
      if (held && answer[this.field].every(isNew)) answer = await this.#page(AT_MOST);
      if (turn !== this.#turn) return;
      const items = answer[this.field];
      const fresh = items.findIndex((item) => !isNew(item));
      const arrived = fresh < 0 ? items.length : fresh;
      if (held) this.#update(items, arrived);
      else this.#replace(answer, this.#loaded ? arrived : 0);
      this.#loaded = true;
    } catch (error) {
      // If there is no response, the stream of changes shows that.
      if (error.status) notify(error.message, { error: true });
    }
  }

  #page(limit) {
    return get(this.path, { ...this.#values, limit });
  }

  /** Update the rows that are shown, and show the number of new items above them. */
  #update(items, arrived) {
    const changed = new Map(items.map((item) => [String(item.id), item]));
    this.#items = this.#items.map((item) => changed.get(String(item.id)) ?? item);
    this.#draw();
    this.#announceNew(arrived);
  }

  #replace(answer, arrived) {
    this.#items = answer[this.field];
    this.#draw();
    this.#announceNew(0);
    if (arrived && !this.#values.before) announce(`${plural(arrived, `new ${this.noun}`)}`);
    const filtered = Object.keys(this.#values).some((name) => name !== "before");
    this.total.textContent =
      answer.matching === undefined ? "" : plural(answer.matching, filtered ? "match" : this.noun, filtered ? "matches" : undefined);
    this.nothing.hidden = this.#items.length > 0;
    if (!this.nothing.hidden) fill(this.nothing, this.empty(filtered));
    this.#drawPager(answer.next);
  }

  #draw() {
    const focused = this.rows.contains(document.activeElement);
    reconcile(this.rows, this.#items, {
      key: (item) => item.id,
      build: (item, row) => {
        const built = this.build(item, row);
        built.dataset.key = String(item.id);
        this.#markRow(built);
        return built;
      },
    });
    if (focused && !this.rows.contains(document.activeElement)) this.focus(null);
  }

  #markRow(row) {
    const target = row.querySelector("a.row");
    if (row.dataset.key === this.marked) target?.setAttribute("aria-current", "true");
    else target?.removeAttribute("aria-current");
  }

  #drawPager(next) {
    const { before, ...rest } = this.#values;
    const signature = JSON.stringify([before, next, rest]);
    if (this.drawn === signature) return;
    this.drawn = signature;
    fill(
      this.pager,
      before ? h("a", { class: "button small", href: this.link(rest) }, icon("newer"), "Newest") : null,
      next ? h("a", { class: "button small", href: this.link({ ...rest, before: next }) }, "Older", icon("older")) : null,
    );
  }

  #announceNew(number) {
    this.pill.hidden = number === 0;
    const many = number >= AT_MOST ? `${count(AT_MOST)} or more new` : plural(number, "new", "new");
    if (number) this.pill.textContent = `${many} – show`;
  }

  #scrolled() {
    if (!this.pill.hidden && this.scroller.scrollTop <= AT_TOP) this.refresh();
  }
}
