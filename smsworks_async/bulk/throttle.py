"""How fast a run goes: so many requests at a time, so many a second, and fewer when told to.

Additive increase, multiplicative decrease (Chiu and Jain, 1989): a refusal that speaks of the
moment halves the requests in flight, and each full round of successes adds one, up to what was
asked for. A ``Retry-After`` holds back all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from smsworks_async.errors import APIError, SMSWorksError
from smsworks_async.rates import limiter


#: Whoever asks for a longer pause, in seconds, is not waited for.
LONGEST_PAUSE: Final = 900.0


class Pace:
    """Gives turns to requests.

    Args:
        concurrency: requests in flight at a time, at most.
        max_rate: requests a second, or None.
        admit: waits for whatever else paces requests, or None.
        clock: tells seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        concurrency: int,
        max_rate: float | None = None,
        *,
        admit: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.concurrency = concurrency
        #: Requests in flight at a time, at present.
        self.limit = concurrency
        self._admit = admit
        #: Whether turns may have to be waited for although few requests are in flight.
        self.is_paced = max_rate is not None or admit is not None
        self._clock = clock
        self._sleep = sleep
        self._limiter = limiter(max_rate, burst=False)
        self._active = 0
        self._successes = 0
        self._slow_downs = 0
        self._resume = 0.0
        self._freed = asyncio.Event()

    @property
    def held_back(self) -> float:
        """Seconds for which a refusal has asked to send nothing; 0 where none has."""
        return max(0.0, self._resume - self._clock())

    async def turn(self) -> int:
        """Wait until another request may leave; give what `slow_down` wants to know it by."""
        while self._active >= self.limit:
            self._freed.clear()
            await self._freed.wait()
        self._active += 1
        try:
            if self._limiter is not None:
                await self._limiter.acquire()
            if self._admit is not None:
                await self._admit()
            while (left := self._resume - self._clock()) > 0:
                await self._sleep(left)
        except BaseException:
            self.done(succeeded=False)
            raise
        return self._slow_downs

    def done(self, *, succeeded: bool) -> None:
        """Give a turn back."""
        self._active -= 1
        self._successes += succeeded
        if self._successes >= self.limit:
            self._successes = 0
            self.limit = min(self.concurrency, self.limit + 1)
        self._freed.set()

    def slow_down(self, turn: int, error: SMSWorksError) -> None:
        """Take note of a refusal that speaks of the moment; of others, nothing is made.

        What had its turn before the last slow-down was answered by that one.
        """
        if not isinstance(error, APIError) or error.permanent:
            return
        if error.retry_after is not None and error.retry_after <= LONGEST_PAUSE:
            self._resume = max(self._resume, self._clock() + error.retry_after)
        if turn == self._slow_downs:
            self._slow_downs += 1
            self._successes = 0
            self.limit = max(1, self.limit // 2)
