"""The clocks of a run, and the time limit of a request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import attrs


#: The time-out in seconds of a bulk request if the client has none.
DEFAULT_REQUEST_TIME: Final = 300.0


@attrs.frozen
class Timer:
    """The clocks and the sleep function of this process.

    Attributes:
        sleep: waits for a number of seconds.
        monotonic: returns seconds by the monotonic clock.
        clock: returns POSIX seconds; only for displayed times.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], float] = time.time


def request_time(timeout: float | None) -> float:
    """Return the longest duration of one call in seconds, including retries."""
    return DEFAULT_REQUEST_TIME if timeout is None else timeout
