"""A request to stop, which SIGTERM makes: what is under way ends, and nothing more is begun."""

from __future__ import annotations

import contextvars
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final


class StopRequest:
    """Whether somebody has asked to stop; it may be asked for on any thread, and in a signal."""

    def __init__(self) -> None:
        self.is_made = False
        self._listener: Callable[[], object] | None = None

    def make(self) -> None:
        """Ask to stop."""
        self.is_made = True
        if self._listener is not None:
            self._listener()

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a function when it is made, on the thread where that is done; or now, if it was."""
        self._listener = listener
        if self.is_made:
            listener()


_current: Final[contextvars.ContextVar[StopRequest | None]] = contextvars.ContextVar(
    "smsworks_stop", default=None
)


@contextmanager
def stopping_on_sigterm() -> Iterator[StopRequest]:
    """Yield the request to stop of this context, which SIGTERM makes while this lasts.

    A signal's handler can be set on the main thread alone; elsewhere the application asks. A
    handler that is there already is called as well, and comes back at the end.
    """
    request = _current.get()
    if request is not None:  # the blocking client listens already, on its caller's thread
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
    # None stands for a handler that was not set from Python, which could not be put back.
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
