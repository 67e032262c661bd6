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
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from smsworks_async._patching import patched_by, without_signals


T = TypeVar("T")


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

        # Without its parameter, which would cost each call more than the queue does.
        self.new_inbox: Callable[[], Inbox[Any]] = SimpleQueue

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def new_thread(self, main: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=without_signals(main), name=name, daemon=True)

    def is_current(self, thread: Any) -> bool:
        return bool(thread.ident == threading.get_ident())


def threads() -> Threads:
    """Return how this process, as it is patched now, starts a loop's thread and waits for it."""
    if patched_by() is None:
        return _Standard()
    from smsworks_async._greenlets import Greenlets

    return Greenlets()
