"""The time by which a client waits, and which its tests may replace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Clock:
    """How a client tells the time, and waits, in campaigns, `messages.wait` and `incoming`.

    Requests go by the machine's own clock, whatever this is.
    """

    def __init__(self) -> None:
        self._time: Callable[[], float] = time.time
        self._monotonic: Callable[[], float] = time.monotonic
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def replace(
        self,
        *,
        time: Callable[[], float] | None = None,
        monotonic: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        """Go by other functions from now on; those that are left out stay.

        Args:
            time: returns POSIX seconds.
            monotonic: returns seconds by a clock that cannot be set.
            sleep: waits for so many seconds.
        """
        self._time = time or self._time
        self._monotonic = monotonic or self._monotonic
        self._sleep = sleep or self._sleep

    def time(self) -> float:
        """Return POSIX seconds."""
        return self._time()

    def monotonic(self) -> float:
        """Return seconds by a clock that cannot be set."""
        return self._monotonic()

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Return an awaitable that waits for so many seconds."""
        return self._sleep(seconds)
