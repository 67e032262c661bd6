// The stream of changes, and how the page keeps up with it.

const RECONNECT_AFTER = 1000; // milliseconds
const RECONNECT_AT_MOST = 5000;
const PATIENCE = 4; // times as long as it took

/**
 * Follow the sandbox's changes.
 *
 * `onChange` is called after each, and when the stream begins: there may have been some before.
 * `onState` is called with "live" and "reconnecting". A tab that nobody sees holds no connection: a
 * browser has six of them for each host, and other tabs need theirs.
 */
export function follow({ onChange, onState }) {
  let source = null;
  let timer = null;
  let pause = RECONNECT_AFTER;

  function connect() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("/sandbox/events");
    source.addEventListener("open", () => {
      pause = RECONNECT_AFTER;
      onState("live");
    });
    // The sandbox tells of a change at once, so that nothing is missed between two streams.
    source.addEventListener("change", () => onChange());
    source.addEventListener("error", () => {
      onState("reconnecting");
      // The browser gives up by itself after some answers, a 401 or a 503 among them.
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, pause);
      pause = Math.min(2 * pause, RECONNECT_AT_MOST);
    });
  }

  function disconnect() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else if (source === null) connect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  if (!document.hidden) connect();
}

/**
 * Return a function that runs an async one: never twice at once, and once more after the last call.
 * Between two runs it waits for `interval` milliseconds, and longer after one that took long: a
 * sandbox that is busy has more to do than to show it.
 */
export function coalesced(work, interval = 200) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        const began = performance.now();
        await work();
        const pause = Math.max(interval, PATIENCE * (performance.now() - began));
        if (again) await new Promise((resolve) => setTimeout(resolve, pause));
      } while (again);
    } finally {
      running = false;
    }
  };
}
