"""Renewal of claims: one timer for all claims that one event loop, or all threads, hold.

A claim costs an entry in a set. The timer runs only while there are claims, and starts a renewal
of each claim that is held when it fires: a function that returns soon costs neither a task nor a
thread.
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


class Job(Protocol):
    """Work that was started in the background."""

    def done(self) -> bool:
        """Return whether the work has ended."""
        ...

    async def wait(self) -> None:
        """Wait for the work to end."""
        ...


class BackgroundExecutor(Protocol):
    """Starts work in the background: as tasks of an event loop, or on threads."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function once, after a delay."""
        ...

    def start(self, work: Work, context: contextvars.Context) -> Job:
        """Start work in the background, in a context."""
        ...


class Renewal:
    """Work that is repeated until it is stopped.

    Args:
        work: returns a new coroutine for each run.
    """

    __slots__ = ("_context", "_work", "job")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._context = contextvars.copy_context()
        #: The last run that was started.
        self.job: Job | None = None

    def start(self, executor: BackgroundExecutor) -> None:
        """Start a run, unless the last one is still running."""
        if self.job is None or self.job.done():
            self.job = executor.start(self._work, self._context)


class Renewals:
    """The repeated work of one executor, at one interval.

    Args:
        executor: runs the work.
    """

    def __init__(self, executor: BackgroundExecutor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._active: set[Renewal] = set()
        self._timer_is_set = False

    def begin(self, work: Work, seconds: float) -> Renewal:
        """Repeat work until it is ended.

        Args:
            work: returns a new coroutine for each run.
            seconds: the interval, the same for all; the first run starts after one at the latest.

        Raises:
            RuntimeError: no thread can be started for the timer.
        """
        renewal = Renewal(work)
        with self._lock:
            if not self._timer_is_set:
                self._set_timer(seconds)
            self._active.add(renewal)
        return renewal

    def discard(self, renewal: Renewal) -> None:
        """Stop repeating the work; a run in progress continues."""
        with self._lock:
            self._active.discard(renewal)

    async def end(self, renewal: Renewal) -> None:
        """Stop repeating the work, and wait for a run in progress."""
        self.discard(renewal)
        if renewal.job is not None:
            await renewal.job.wait()

    def _set_timer(self, seconds: float) -> None:
        reference = weakref.ref(self)  # so that a timer does not keep an application alive

        def tick() -> None:
            if (renewals := reference()) is not None:
                renewals._tick(seconds)  # noqa: SLF001 - of this class

        self._executor.call_later(seconds, tick)
        self._timer_is_set = True

    def _tick(self, seconds: float) -> None:
        # Under the lock, so that ended work is not started.
        with self._lock:
            self._timer_is_set = False
            if not self._active:
                return
            for start in (
                functools.partial(self._set_timer, seconds),
                *[functools.partial(renewal.start, self._executor) for renewal in self._active],
            ):
                try:
                    start()
                except RuntimeError:  # no thread can be started: the next claim sets the timer
                    _log.warning("a claim could not be renewed; it will be retried", exc_info=True)
