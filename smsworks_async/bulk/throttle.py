"""Throttling: limits of concurrency and rate, lowered after temporary rejections.

Additive increase, multiplicative decrease (Chiu and Jain, 1989): a temporary rejection halves the
concurrency, and each full round of successes adds one, up to the configured limit. A
``Retry-After`` pauses all requests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from smsworks_async.errors import APIError, SMSWorksError
from smsworks_async.rates import limiter


#: The longest pause to wait for, in seconds.
LONGEST_PAUSE: Final = 900.0


class Throttle:
    """Limits the number of requests in flight, and their rate.

    Args:
        concurrency: the most requests in flight.
        max_rate: requests a second, or None.
        acquire_rate: waits for another rate, such as the client's, or None.
        clock: returns seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        concurrency: int,
        max_rate: float | None = None,
        *,
        acquire_rate: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.concurrency = concurrency
        #: The current limit of requests in flight.
        self.limit = concurrency
        self._acquire_rate = acquire_rate
        #: Whether there is a rate, so that `acquire` may wait even with few requests in flight.
        self.is_paced = max_rate is not None or acquire_rate is not None
        self._clock = clock
        self._sleep = sleep
        self._limiter = limiter(max_rate, burst=False)
        self._active = 0
        self._successes = 0
        self._back_offs = 0
        self._resume = 0.0
        self._freed = asyncio.Event()

    @property
    def pause_left(self) -> float:
        """The remaining seconds of a requested pause; 0 if there is none."""
        return max(0.0, self._resume - self._clock())

    async def acquire(self) -> int:
        """Wait until another request may be sent; return the permit that `back_off` takes."""
        while self._active >= self.limit:
            self._freed.clear()
            await self._freed.wait()
        self._active += 1
        try:
            if self._limiter is not None:
                await self._limiter.acquire()
            if self._acquire_rate is not None:
                await self._acquire_rate()
            while (left := self._resume - self._clock()) > 0:
                await self._sleep(left)
        except BaseException:
            self.release(succeeded=False)
            raise
        return self._back_offs

    def release(self, *, succeeded: bool) -> None:
        """Release the slot from `acquire`."""
        self._active -= 1
        self._successes += succeeded
        if self._successes >= self.limit:
            self._successes = 0
            self.limit = min(self.concurrency, self.limit + 1)
        self._freed.set()

    def back_off(self, permit: int, error: SMSWorksError) -> None:
        """Halve the concurrency after a temporary refusal; ignore permanent ones.

        Requests that were acquired before the last halving do not halve it again.

        Args:
            permit: the result of `acquire` for the request.
            error: the failure.
        """
        if not isinstance(error, APIError) or error.permanent:
            return
        if error.retry_after is not None and error.retry_after <= LONGEST_PAUSE:
            self._resume = max(self._resume, self._clock() + error.retry_after)
        if permit == self._back_offs:
            self._back_offs += 1
            self._successes = 0
            self.limit = max(1, self.limit // 2)
