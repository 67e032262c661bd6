"""A run's view of the opt-out list, refreshed before each claim and before each request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from smsworks_async._patching import new_lock
from smsworks_async.errors import ConfigurationError
from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent


class OptOutList(Protocol):
    """The part of `smsworks_async.optouts.OptOuts` that bulk uses."""

    async def identity(self) -> str:
        """Return the unique id of this list."""
        ...

    async def history(self, number: str) -> Sequence[OptOutEvent]:
        """Return all events of a number, the oldest first."""
        ...

    async def changes(self, after: int) -> OptOutChanges:
        """Return the net changes of all events after a key."""
        ...


class OptOutView:
    """The opt-outs that were read so far.

    All opted-out numbers are kept in memory, so a refresh reads only new events.

    Args:
        opt_outs: the list.
    """

    def __init__(self, opt_outs: OptOutList) -> None:
        self._list = opt_outs
        #: The key of the last change that was read.
        self.last = 0
        self._out: set[str] = set()
        self._turn = asyncio.Lock()
        # The number of reads started, and the number of the last completed one.
        self._readings = self._complete = 0
        # A claim reads the list, too, on the journal's thread.
        self._lock = new_lock()

    async def identity(self) -> str:
        """Return the unique id of the list."""
        return await self._list.identity()

    async def refresh(self) -> None:
        """Read the changes up to now; calls that wait during a read share the next one.

        Raises:
            JournalError: the list cannot be read.
        """
        awaited = self._readings + 1  # the first read that starts after this call
        async with self._turn:
            if self._complete >= awaited:
                return
            self._readings = reading = self._readings + 1
            self.learn(await self._list.changes(self.last))
            self._complete = reading

    def learn(self, changes: OptOutChanges) -> None:
        """Apply the changes after a known event; some of them may be known already."""
        with self._lock:
            if changes.last > self.last:  # otherwise another task has read them meanwhile
                self._out.update(changes.out)
                self._out.difference_update(changes.back)
                self.last = changes.last

    def leaves_out(self, numbers: Iterable[str]) -> bool:
        """Return whether one of the numbers has opted out."""
        return not self._out.isdisjoint(numbers)

    def is_out(self, number: str) -> bool:
        """Return whether a number has opted out."""
        return number in self._out

    async def out_before(self, numbers: Iterable[str], at: float) -> tuple[str, ...]:
        """Return the numbers that have opted out, and had done so at a given time.

        Args:
            numbers: the numbers.
            at: POSIX seconds.

        Raises:
            JournalError: the list cannot be read.
        """
        found: list[str] = []
        for number in filter(self.is_out, numbers):
            history = await self._list.history(number)
            before = [event.change for event in history if event.at.timestamp() <= at]
            if before and before[-1] == "out":
                found.append(number)
        return tuple(found)

    @property
    def is_empty(self) -> bool:
        """Whether no number has opted out."""
        return not self._out


def another_list(campaign: str) -> ConfigurationError:
    """Return the error for a campaign that was created with a different opt-out list."""
    return ConfigurationError(
        f"campaign {campaign!r} respects a different opt-out list; pass the original opt_outs= to "
        "the client"
    )
