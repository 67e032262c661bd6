"""Progress of a run, reported to the caller's callback and to the log."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from smsworks_async.bulk.timer import Timer
from smsworks_async.models.report import BulkProgress, Phase


T = TypeVar("T")

#: Called with a `BulkProgress`; an async function is awaited.
Progress = Callable[[BulkProgress], object]

log: Final = logging.getLogger("smsworks_async.bulk")

# Phases in which other processes may send. While this run sends, it counts itself.
_REFRESHED: Final = frozenset(
    {Phase.WAITING_FOR_OTHERS, Phase.RECONCILING, Phase.WAITING_TO_RESEND}
)
#: The seconds between two events of one phase, except for finished chunks.
INTERVAL: Final = 1.0
_EARLY: Final = 0.9


class CallbackRaised(Exception):
    """The caller's callback raised."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Reporter:
    """Calls a callback with a run's progress: at each phase, each chunk, and once a second.

    Args:
        callback: the caller's function, or None.
        timer: the run's timer.
        name: the name of the run in the log.
    """

    def __init__(
        self, callback: Progress | None = None, timer: Timer | None = None, name: str = "bulk run"
    ) -> None:
        self._callback = callback
        self._timer = timer or Timer()
        self.name = name
        self._began = self._timer.monotonic()
        self._notified_at = self._began
        self._phase: Phase | None = None
        self._waiting_for = ""
        self._until: datetime | None = None
        self._notifying = asyncio.Lock()
        self._is_due = False
        self._failed = False
        self._is_paced = False
        #: Returns the counts of `BulkProgress`.
        self.counts: Callable[[], dict[str, Any]] = dict
        #: Refreshes the counts before they are reported while the run waits; or None.
        self.refresh: Callable[[], Awaitable[object]] | None = None

    @property
    def interval(self) -> float | None:
        """The seconds between two calls of the callback; None without a callback."""
        return None if self._callback is None else INTERVAL

    def begin(self, phase: Phase) -> None:
        """Begin a phase without reporting it yet."""
        if phase is not self._phase:
            self._log(phase)
        self._note(phase, "", None)

    async def enter(
        self, phase: Phase, waiting_for: str = "", seconds: float | None = None
    ) -> None:
        """Begin a phase and report it; report the current phase again at most once a second.

        Args:
            phase: the phase.
            waiting_for: a description of what the run waits for.
            seconds: the longest duration of the wait, if known.

        Raises:
            CallbackRaised: the callback raised.
        """
        if phase is not self._phase:
            self._log(phase)
            self._notified_at = float("-inf")
        self._note(phase, waiting_for, seconds)
        await self.heartbeat()

    def _log(self, phase: Phase) -> None:
        """Log the start of a phase; only once if a rate-limited run waits and sends in turns."""
        if phase is Phase.WAITING_FOR_RATE:
            log.log(logging.DEBUG if self._is_paced else logging.INFO, "%s: %s", self.name, phase)
            self._is_paced = True
        elif self._phase is not Phase.WAITING_FOR_RATE:
            log.info("%s: %s", self.name, phase)

    def _note(self, phase: Phase, waiting_for: str, seconds: float | None) -> None:
        self._phase = phase
        self._waiting_for = waiting_for
        self._until = None
        if seconds is not None:
            with suppress(ValueError, OverflowError, OSError):  # beyond the range of dates
                self._until = datetime.fromtimestamp(self._timer.clock() + seconds, UTC)

    async def heartbeat(self) -> None:
        """Report progress, unless it was reported less than a second ago.

        Raises:
            CallbackRaised: the callback raised.
        """
        if self._callback is None:
            return
        # Tolerate a wait that ended slightly early.
        if self._timer.monotonic() - self._notified_at < INTERVAL * _EARLY:
            return
        if self.refresh is not None and self._phase in _REFRESHED:
            await self.refresh()
        await self.notify()

    async def notify(self, phase: Phase | None = None) -> None:
        """Report progress.

        Calls do not overlap: events that happen during a call share the next one.

        Args:
            phase: the new phase; None to keep the current one.

        Raises:
            CallbackRaised: the callback raised; it is not called again.
        """
        if self._callback is None:
            return
        if phase is not None:
            self._note(phase, "", None)
        self._is_due = True
        async with self._notifying:
            if self._is_due and not self._failed:
                self._is_due = False
                self._notified_at = self._timer.monotonic()
                try:
                    told = self._callback(self.progress())
                    if inspect.isawaitable(told):
                        await told
                except Exception as error:
                    self._failed = True
                    raise CallbackRaised(error) from error

    def progress(self) -> BulkProgress:
        """Return the run's progress."""
        counts = {"seconds": self._timer.monotonic() - self._began, **self.counts()}
        return BulkProgress(
            **counts,
            phase=self._phase or Phase.SENDING,
            waiting_for=self._waiting_for,
            until=self._until,
        )

    async def sleep(self, seconds: float, phase: Phase, waiting_for: str) -> None:
        """Wait, and report progress once a second.

        Raises:
            CallbackRaised: the callback raised.
        """
        left = seconds
        await self.enter(phase, waiting_for, left)
        step = self.interval or seconds
        while left > 0:
            await self._timer.sleep(min(left, step))
            left -= step
            await self.heartbeat()

    async def gather(self, works: Iterable[Awaitable[T]]) -> list[T | BaseException]:
        """Await several awaitables concurrently, and report progress; return results and errors.

        Raises:
            CallbackRaised: the callback raised; the awaitables are cancelled.
        """
        if self.interval is None:
            return await asyncio.gather(*works, return_exceptions=True)
        tasks = [asyncio.ensure_future(work) for work in works]
        pending = set(tasks)
        try:
            while pending:
                _, pending = await asyncio.wait(pending, timeout=self.interval)
                if pending:
                    await self.heartbeat()
        except BaseException:
            for task in pending:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return await asyncio.gather(*tasks, return_exceptions=True)
