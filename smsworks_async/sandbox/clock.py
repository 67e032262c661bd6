"""The sandbox's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A clock in POSIX seconds."""

    def time(self) -> float:
        """Return the current time in POSIX seconds."""
        ...


class RealClock:
    """The machine's clock."""

    def time(self) -> float:
        """Return the current time in POSIX seconds."""
        return time.time()


def _later(now: float, seconds: float) -> float:
    if seconds < 0:
        raise ValueError("seconds must be 0 or more: a sandbox's clock cannot go backwards")
    moment = now + seconds
    try:
        datetime.fromtimestamp(moment, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("seconds is too large: the time must be before the year 10000") from error
    return moment


class RunningClock:
    """A clock that runs like the machine's, and that `Sandbox.advance` can also move forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def time(self) -> float:
        """Return the current time in POSIX seconds."""
        return time.time() + self._ahead

    def later(self, seconds: float) -> float:
        """Return the time ``seconds`` from now, in POSIX seconds.

        Raises:
            ValueError: ``seconds`` is negative, or leads beyond the year 9999.
        """
        return _later(self.time(), seconds)

    def turn_to(self, moment: float) -> None:
        """Set the clock to a time in POSIX seconds, unless that has passed already."""
        self._ahead += max(0.0, moment - self.time())


class ManualClock:
    """A clock that stands still until `Sandbox.advance` moves it forward.

    Args:
        start: the initial time, an aware datetime (default: noon UTC on 1 July 2026).

    Raises:
        ValueError: `start` has no time zone.
    """

    def __init__(self, start: datetime | None = None) -> None:
        moment = start or datetime(2026, 7, 1, 12, tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError("start must be an aware datetime; this one has no time zone")
        self._time = moment.timestamp()

    def time(self) -> float:
        """Return the current time in POSIX seconds."""
        return self._time

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self._time, UTC)

    def later(self, seconds: float) -> float:
        """Return the time ``seconds`` from now, in POSIX seconds.

        Raises:
            ValueError: ``seconds`` is negative, or leads beyond the year 9999.
        """
        return _later(self._time, seconds)

    def turn_to(self, moment: float) -> None:
        """Set the clock to a time in POSIX seconds, unless that has passed already."""
        self._time = max(self._time, moment)
