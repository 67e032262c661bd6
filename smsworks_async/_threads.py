"""Real threads and inboxes, even if gevent or eventlet has replaced the standard ones.

In a patched process `threading.Thread` starts a greenlet. An event loop in a greenlet would run on
its caller's thread, where it would be found as the running loop and would prevent a second one. So
the background loop and the journal use operating system threads and locks, and a caller waits in a
way that lets other greenlets run.

Patching is checked when a client or a journal is first used, not on import, since a server may
patch after it imports the application. Neither library is imported here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from smsworks_async._patching import patched_by, without_signals


T = TypeVar("T")


class Inbox(Protocol[T]):
    """A queue on which a caller's thread or greenlet waits for items from the loop's thread."""

    def put(self, item: T, /) -> None:
        """Add an item; callable from any thread."""
        ...

    def get(self, *, timeout: float) -> T:
        """Wait up to `timeout` seconds for an item; raise `queue.Empty` after that."""
        ...


class RealThread(Protocol):
    """The thread that runs a loop."""

    def start(self) -> None:
        """Start it; raise RuntimeError if the system cannot start another thread."""
        ...

    def is_alive(self) -> bool:
        """Return whether it has been started and has not ended."""
        ...

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until it has ended."""
        ...


class Threads(Protocol):
    """Creates loop threads, and the inboxes to wait for them, in this process."""

    def new_inbox(self) -> Inbox[Any]:
        """Return an inbox for the thread, or the greenlet, that calls this.

        Raises:
            ConfigurationError: the caller must not block.
        """
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop that can run in a real thread."""
        ...

    def new_thread(self, main: Callable[[], None], name: str, /) -> RealThread:
        """Return a real thread that has not been started."""
        ...

    def is_current(self, thread: Any) -> bool:
        """Return whether the calling thread is `thread`, which `new_thread` returned."""
        ...


class _Standard:
    """An unpatched process."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # not needed by the async client

        # Not `SimpleQueue[Any]`: subscribing would cost each call more than the queue does.
        self.new_inbox: Callable[[], Inbox[Any]] = SimpleQueue

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def new_thread(self, main: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=without_signals(main), name=name, daemon=True)

    def is_current(self, thread: Any) -> bool:
        return bool(thread.ident == threading.get_ident())


def threads() -> Threads:
    """Return the `Threads` for this process, depending on how it is patched now."""
    if patched_by() is None:
        return _Standard()
    from smsworks_async._greenlets import Greenlets

    return Greenlets()
