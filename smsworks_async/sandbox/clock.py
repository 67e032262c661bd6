"""What time the sandbox believes it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that tells POSIX seconds."""

    def time(self) -> float:
        """Return POSIX seconds."""
        ...


class RealClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return POSIX seconds."""
        return time.time()


def _later(now: float, seconds: float) -> float:
    if seconds < 0:
        raise ValueError("A sandbox's clock is not turned back")
    moment = now + seconds
    try:
        datetime.fromtimestamp(moment, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("A sandbox's clock stays within the calendar") from error
    return moment


class RunningClock:
    """A clock that runs as the machine's does, and that `Sandbox.advance` turns forward, too."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def time(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self._ahead

    def later(self, seconds: float) -> float:
        """Return the POSIX seconds of a moment that lies so much ahead.

        Raises:
            ValueError: it lies behind, or beyond the calendar.
        """
        return _later(self.time(), seconds)

    def turn_to(self, moment: float) -> None:
        """Set the clock to a moment, in POSIX seconds, unless it is there or past it already."""
        self._ahead += max(0.0, moment - self.time())


class ManualClock:
    """A clock that stands still until `Sandbox.advance` turns it.

    Attributes:
        start: an aware datetime; noon on 1 July 2026, UTC, unless given.

    Raises:
        ValueError: `start` has no time zone.
    """

    def __init__(self, start: datetime | None = None) -> None:
        moment = start or datetime(2026, 7, 1, 12, tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError("A ManualClock starts at an aware datetime; this one has no time zone")
        self._time = moment.timestamp()

    def time(self) -> float:
        """Return POSIX seconds."""
        return self._time

    def now(self) -> datetime:
        """Return the same moment as an aware datetime in UTC."""
        return datetime.fromtimestamp(self._time, UTC)

    def later(self, seconds: float) -> float:
        """Return the POSIX seconds of a moment that lies so much ahead.

        Raises:
            ValueError: it lies behind, or beyond the calendar.
        """
        return _later(self._time, seconds)

    def turn_to(self, moment: float) -> None:
        """Set the clock to a moment, in POSIX seconds, unless it is there or past it already."""
        self._time = max(self._time, moment)
