// The stream of changes, and the rate at which the page follows it.

const RECONNECT_AFTER = 1000; // milliseconds
const RECONNECT_AT_MOST = 5000;
const PAUSE_FACTOR = 4; // the pause after a run, as a multiple of its duration

/**
 * Follow the sandbox's changes.
 *
 * `onChange` is called after each change, and when the stream begins, because there may have been
 * changes before. `onState` is called with "live" or "reconnecting". A hidden tab has no connection,
 * because browsers allow only six connections per host, for all tabs.
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
    // A new stream begins with an event, so no change is missed between two streams.
    source.addEventListener("change", () => onChange());
    source.addEventListener("error", () => {
      onState("reconnecting");
      // After some responses, such as 401 or 503, the browser does not reconnect.
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
 * Return a function that runs an async one, but not concurrently: calls during a run are merged into
 * one later run. Between two runs it waits for `interval` milliseconds, and longer after a slow run,
 * to reduce the load on a busy sandbox.
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
        const pause = Math.max(interval, PAUSE_FACTOR * (performance.now() - began));
        if (again) await new Promise((resolve) => setTimeout(resolve, pause));
      } while (again);
    } finally {
      running = false;
    }
  };
}
