"""Graceful stop on SIGTERM: requests in flight are completed, and no new ones are started."""

from __future__ import annotations

import contextvars
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
        self._listener: Callable[[], object] | None = None

    def make(self) -> None:
        """Request the stop."""
        self.is_made = True
        if self._listener is not None:
            self._listener()

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a function when the stop is requested, on that thread; now if it has been."""
        self._listener = listener
        if self.is_made:
            listener()


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
    if request is not None:  # the blocking client already handles SIGTERM on its caller's thread
        yield request
        return
    request = StopRequest()
    token = _current.set(request)
    try:
        with _handled(request):
            yield request
    finally:
        _current.reset(token)


@contextmanager
def _handled(request: StopRequest) -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    # None means a handler that was not set from Python, and that could not be restored.
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> Any:
        request.make()
        return before(number, frame) if callable(before) else None

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is handle:
            signal.signal(signal.SIGTERM, before)
