"""Renewals of claims, by one timer for all that are held in one place.

A claim costs an entry in a set. The timer runs only while there are claims, and starts a renewal
of each that is held when it fires: a function that returns soon costs neither a task nor a thread.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias


Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

_log: Final = logging.getLogger("smsworks_async.webhooks")


class Run(Protocol):
    """Work that was started in the background."""

    def done(self) -> bool:
        """Return whether it has ended."""
        ...

    async def over(self) -> None:
        """Wait for its end."""
        ...


class Place(Protocol):
    """Where work is started: an event loop, or threads."""

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function after so many seconds, once."""
        ...

    def start(self, work: Work, context: contextvars.Context) -> Run:
        """Start work in the background, in a context."""
        ...


class Renewal:
    """Work that is repeated until it is ended.

    Args:
        work: makes the coroutine.
    """

    __slots__ = ("_context", "_work", "run")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._context = contextvars.copy_context()
        #: The last run that has begun.
        self.run: Run | None = None

    def start(self, place: Place) -> None:
        """Start the work, unless the last run of it has not ended yet."""
        if self.run is None or self.run.done():
            self.run = place.start(self._work, self._context)


class Renewals:
    """All work that is repeated in one place, at one interval.

    Args:
        place: where the work is done.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._under_way: set[Renewal] = set()
        self._timer_is_set = False

    def begin(self, work: Work, seconds: float) -> Renewal:
        """Repeat work until it is ended.

        Args:
            work: makes the coroutine.
            seconds: the interval, the same for all; the first run comes so soon at the latest.

        Raises:
            RuntimeError: no thread can be started for the timer.
        """
        renewal = Renewal(work)
        with self._lock:
            if not self._timer_is_set:
                self._set_timer(seconds)
            self._under_way.add(renewal)
        return renewal

    def discard(self, renewal: Renewal) -> None:
        """Stop repeating; a run that has begun goes on."""
        with self._lock:
            self._under_way.discard(renewal)

    async def end(self, renewal: Renewal) -> None:
        """Stop repeating; a run that has begun has ended when this returns."""
        self.discard(renewal)
        if renewal.run is not None:
            await renewal.run.over()

    def _set_timer(self, seconds: float) -> None:
        me = weakref.ref(self)  # so that a timer does not keep an application alive

        def tick() -> None:
            if (renewals := me()) is not None:
                renewals._tick(seconds)

        self._place.later(seconds, tick)
        self._timer_is_set = True

    def _tick(self, seconds: float) -> None:
        # Under the lock, so that nothing is started that has been ended.
        with self._lock:
            self._timer_is_set = False
            if not self._under_way:
                return
            for start in (
                functools.partial(self._set_timer, seconds),
                *[functools.partial(renewal.start, self._place) for renewal in self._under_way],
            ):
                try:
                    start()
                except RuntimeError:  # no thread can be started: the next claim sets the timer
                    _log.warning("a claim could not be renewed; it is tried again", exc_info=True)
