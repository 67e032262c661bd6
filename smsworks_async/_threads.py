"""Real threads, locks and queues, also where gevent or eventlet has replaced the standard ones.

In a patched process `threading.Thread` starts a greenlet. An event loop in a greenlet runs on its
caller's own thread: whatever asks whether a loop is running finds one, and a second loop cannot
start. So the background loop and the journal get threads of the operating system and locks between
those, and a caller waits in a way that lets the other greenlets go on.

What is patched is asked when a client or a journal is first used, not when this is imported: a
server may import the application first. Neither library is imported here.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar


if TYPE_CHECKING:
    import queue


T = TypeVar("T")

_PATCHED_MODULES: Final = ("threading", "select", "socket")


def patched_by() -> Literal["gevent", "eventlet"] | None:
    """Return which library has patched this process's threads, selectors or sockets, if any."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None and any(map(monkey.is_module_patched, _PATCHED_MODULES)):
        return "gevent"
    patcher: Any = sys.modules.get("eventlet.patcher")
    if patcher is not None and any(
        map(patcher.is_monkey_patched, ("thread", *_PATCHED_MODULES[1:]))
    ):
        return "eventlet"
    return None


def original(module: str, name: str, default: Any = None) -> Any:
    """Return an attribute of a standard module as it was before any patching.

    Args:
        module: the module's name.
        name: the attribute's name.
        default: what is returned where this system has no such attribute.
    """
    match patched_by():
        case "gevent":
            try:
                return sys.modules["gevent.monkey"].get_original(module, name)
            except AttributeError:
                return default
        case "eventlet":
            return getattr(sys.modules["eventlet.patcher"].original(module), name, default)
        case None:
            return getattr(importlib.import_module(module), name, default)


def new_lock() -> threading.Lock:
    """Return a lock between real threads. Nothing that may switch greenlets goes on under it."""
    lock: threading.Lock = original("_thread", "allocate_lock")()
    return lock


def new_rlock() -> threading.RLock:
    """Return a reentrant lock between real threads; see `new_lock`."""
    if patched_by() is None:
        return threading.RLock()
    lock: threading.RLock = original("_thread", "RLock")()
    return lock


def new_queue() -> queue.SimpleQueue[Any]:
    """Return a queue between real threads, for readers that may block their thread."""
    made: queue.SimpleQueue[Any] = original("queue", "SimpleQueue")()
    return made


def start_thread(main: Callable[[], None], name: str) -> None:
    """Start a real thread, which does not hold up the interpreter's exit.

    Raises:
        RuntimeError: there cannot be more threads.
    """
    if patched_by() is None:
        threading.Thread(target=without_signals(main), name=name, daemon=True).start()
    else:
        original("_thread", "start_new_thread")(without_signals(main), ())


def without_signals(main: Callable[[], None]) -> Callable[[], None]:
    """Return a thread's function that takes none of the signals of uWSGI's workers.

    Their handlers, which are C functions, run on any thread that gets the signal, end the
    interpreter there, and wait for ever: for the very thread that they run on.
    """
    if "uwsgi" not in sys.modules:
        return main

    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        main()

    return run


class Inbox(Protocol[T]):
    """What a caller's thread or greenlet waits at for items from the loop's thread."""

    def put(self, item: T, /) -> None:
        """Add an item, from any thread."""
        ...

    def get(self, *, timeout: float) -> T:
        """Wait for an item, so many seconds at most; raises `queue.Empty` after those."""
        ...


class RealThread(Protocol):
    """The thread that runs a loop."""

    def start(self) -> None:
        """Start it; raises RuntimeError where there cannot be more threads."""
        ...

    def is_alive(self) -> bool:
        """Whether it has been started and has not ended."""
        ...

    def join(self, timeout: float) -> None:
        """Wait until it has ended, so many seconds at most."""
        ...


class Threads(Protocol):
    """How this process starts a loop's thread, and waits for it."""

    def new_inbox(self) -> Inbox[Any]:
        """Return an inbox for the thread, or the greenlet, that calls this.

        Raises:
            ConfigurationError: the caller may not wait.
        """
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop that can run in a real thread."""
        ...

    def new_thread(self, main: Callable[[], None], name: str, /) -> RealThread:
        """Return a real thread, which is yet to be started."""
        ...

    def is_current(self, thread: Any) -> bool:
        """Whether a thread of `new_thread` calls this."""
        ...


class _Standard:
    """An unpatched process."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # of no use to a client that is awaited

        self.new_inbox = SimpleQueue[Any]

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def new_thread(self, main: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=without_signals(main), name=name, daemon=True)

    def is_current(self, thread: Any) -> bool:
        return thread is threading.current_thread()


def threads() -> Threads:
    """Return how this process, as it is patched now, starts a loop's thread and waits for it."""
    if patched_by() is None:
        return _Standard()
    from smsworks_async._greenlets import Greenlets

    return Greenlets()
