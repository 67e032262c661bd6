"""Signals during a campaign: the first stops it after the requests in progress, the second now."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self


_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name)
)


class StopRequested(Exception):
    """A signal has asked the campaign to stop."""


class Interruptions:
    """Record the first SIGINT or SIGTERM, and raise `KeyboardInterrupt` for the second.

    Attributes:
        stop_requested: whether a signal has been received.
    """

    def __init__(self) -> None:
        self.stop_requested = False
        self._before: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self.stop_requested:
            raise KeyboardInterrupt
        self.stop_requested = True

    def check(self) -> None:
        """Raise `StopRequested` if a signal has been received."""
        if self.stop_requested:
            raise StopRequested
