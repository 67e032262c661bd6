"""The clock of a client, which tests can replace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Clock:
    """The clock and sleep function of campaigns, `messages.wait` and `messages.incoming`.

    Requests always use the system's clock.
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
        """Replace some of the functions; omitted ones stay as they are.

        Args:
            time: returns POSIX seconds.
            monotonic: returns seconds by the monotonic clock.
            sleep: waits for a number of seconds.
        """
        self._time = time or self._time
        self._monotonic = monotonic or self._monotonic
        self._sleep = sleep or self._sleep

    def time(self) -> float:
        """Return POSIX seconds."""
        return self._time()

    def monotonic(self) -> float:
        """Return seconds by the monotonic clock."""
        return self._monotonic()

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Return an awaitable that waits for `seconds`."""
        return self._sleep(seconds)
