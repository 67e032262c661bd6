"""When calls must have ended: one timer for all that get the same time."""

from __future__ import annotations

import asyncio
import contextvars
import math


class Deadlines:
    """Ends the calls whose time is over.

    A timer for each call would cost a tenth of a send, nearly always for nothing: most calls end
    long before. Calls that began earlier end earlier, so that the first one's timer is enough.

    Args:
        loop: where the calls run.
        seconds: how long each of them may take; None for ever. Also an attribute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        self._loop = loop
        self.seconds = seconds
        # In the order in which they began, which is that of their deadlines.
        self._running: dict[asyncio.Timeout, float] = {}
        self._has_timer = False

    def begin(self, scope: asyncio.Timeout) -> float:
        """Start a call's time now; return when it is over, by the loop's clock.

        Args:
            scope: what ends the call; it has been entered, and has no deadline of its own.
        """
        if self.seconds is None:
            return math.inf
        deadline = self._running[scope] = self._loop.time() + self.seconds
        if not self._has_timer:
            self._set_timer(deadline)
        return deadline

    def end(self, scope: asyncio.Timeout) -> None:
        """Forget a call: it has ended, or its time was over."""
        self._running.pop(scope, None)

    def _set_timer(self, moment: float) -> None:
        self._has_timer = True
        # In an empty context: the caller's would be kept with all that it holds, timer after timer.
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
