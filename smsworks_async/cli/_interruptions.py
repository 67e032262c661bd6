"""Ctrl-C in the middle of a campaign: the first lets what is under way end, the second does not."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self


_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name)
)


class StopAsked(Exception):
    """The person has asked a campaign to stop."""


class Interruptions:
    """Notes the first SIGINT or SIGTERM, and raises `KeyboardInterrupt` for the second.

    Attributes:
        asked: whether there was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, _: int, __: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        """Raise `StopAsked` where a stop was asked for."""
        if self.asked:
            raise StopAsked
