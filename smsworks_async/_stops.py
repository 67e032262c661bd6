"""Graceful stop on SIGTERM: requests in flight are completed, and no new ones are started."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final


class StopRequest:
    """A request to stop, which can be made on any thread and in a signal handler."""

    def __init__(self) -> None:
        self.is_made = False
        #: Whether the call that it was created for has ended.
        self.is_over = False
        #: The process of that call.
        self.process = os.getpid()
        self._listeners: list[Callable[[], object]] = []

    def make(self) -> None:
        """Request the stop."""
        self.is_made = True
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call a function when the stop is requested while the block runs; now if it has been.

        It is called on the thread that requests it. A call in a callback of another call shares
        its request, so there may be several listeners.
        """
        self._listeners.append(listener)
        try:
            if self.is_made:
                listener()
            yield
        finally:
            self._listeners.remove(listener)


_current: Final[contextvars.ContextVar[StopRequest | None]] = contextvars.ContextVar(
    "smsworks_stop", default=None
)


@contextmanager
def stopping_on_sigterm() -> Iterator[StopRequest]:
    """Yield this context's stop request, and make it on SIGTERM while the block runs.

    Signal handlers can be set only on the main thread; on other threads the application must make
    the request. An existing handler is called as well, and is restored at the end.
    """
    request = _current.get()
    # That of a blocking call, which handles SIGTERM on its caller's thread, or of the call in whose
    # callback this one was begun. A task that outlives that call keeps its context, as does a
    # process that is forked meanwhile.
    if request is not None and not request.is_over and request.process == os.getpid():
        with _handled(request):
            yield request
        return
    request = StopRequest()
    token = _current.set(request)
    try:
        with _handled(request):
            yield request
    finally:
        request.is_over = True
        _current.reset(token)


class _Handler:
    """Requests a stop from all running calls, then calls the handler that it took the place of.

    Calls that overlap share it, and the last one to end restores the earlier handler. With one for
    each, they would call each other in an ever longer chain, and the wrong one would be restored.
    """

    def __init__(self, before: Any) -> None:
        self.before = before
        self._requests: list[StopRequest] = []

    @property
    def requests(self) -> list[StopRequest]:
        """The requests of this process; a process that was forked meanwhile has none of them."""
        if self._requests and self._requests[0].process != os.getpid():
            self._requests = []
        return self._requests

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        for request in dict.fromkeys(self.requests):
            request.make()
        if callable(self.before):
            return self.before(number, frame)
        if not self.requests and self.before == signal.SIG_DFL:
            # Another library has set this handler again after the last call ended, or this process
            # was forked during a call.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        return None


@contextmanager
def _handled(request: StopRequest) -> Iterator[None]:
    current = signal.getsignal(signal.SIGTERM)
    # None means a handler that was not set from Python, and that could not be restored.
    if current is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = current if isinstance(current, _Handler) else _Handler(current)
    handler.requests.append(request)
    signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        if request in handler.requests:  # not in a process that was forked meanwhile
            handler.requests.remove(request)
        if not handler.requests and signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, handler.before)
