"""Deadlines of calls: one timer for all calls with the same time-out."""

from __future__ import annotations

import asyncio
import contextvars
import math


class Deadlines:
    """Cancels calls at their deadline.

    A timer for each call would cost a tenth of a send, and almost never fire. Since all calls here
    have the same time-out, they expire in the order in which they began, so one timer is enough.

    Args:
        loop: the loop of the calls.
        seconds: the time-out of each call; None for no limit. Also an attribute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        self._loop = loop
        self.seconds = seconds
        # In the order in which they began, which is the order of their deadlines.
        self._running: dict[asyncio.Timeout, float] = {}
        self._has_timer = False

    def begin(self, scope: asyncio.Timeout) -> float:
        """Start the time-out of a call now; return its deadline by the loop's clock.

        Args:
            scope: the entered time-out scope of the call, without a deadline of its own.
        """
        if self.seconds is None:
            return math.inf
        deadline = self._running[scope] = self._loop.time() + self.seconds
        if not self._has_timer:
            self._set_timer(deadline)
        return deadline

    def end(self, scope: asyncio.Timeout) -> None:
        """Remove a call that has ended or expired."""
        self._running.pop(scope, None)

    def _set_timer(self, moment: float) -> None:
        self._has_timer = True
        # In an empty context: the timers would keep the caller's context alive.
        self._loop.call_at(moment, self._end_calls, context=contextvars.Context())

    def _end_calls(self) -> None:
        self._has_timer = False
        now = self._loop.time()
        while self._running:
            scope, deadline = next(iter(self._running.items()))
            if deadline > now:
                self._set_timer(deadline)
                return
            del self._running[scope]
            scope.reschedule(deadline)
