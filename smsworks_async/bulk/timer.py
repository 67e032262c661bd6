"""How a run waits, and how long a request may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import attrs


#: Seconds that a request of a bulk run may take where the client has no `timeout`.
DEFAULT_REQUEST_TIME: Final = 300.0


@attrs.frozen
class Timer:
    """How this process waits, and how it measures time.

    Attributes:
        sleep: waits for so many seconds.
        monotonic: returns seconds by a clock that cannot be set.
        clock: returns POSIX seconds; only for times that are shown to people.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], float] = time.time


def request_time(timeout: float | None) -> float:
    """Return the seconds that one call may take, repetitions and answers included."""
    return DEFAULT_REQUEST_TIME if timeout is None else timeout
