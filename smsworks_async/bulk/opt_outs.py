"""The opt-out list as a run knows it: read before each claim, and again before each request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from smsworks_async._patching import new_lock
from smsworks_async.errors import ConfigurationError
from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent


class OptOutList(Protocol):
    """What bulk reads of `smsworks_async.optouts.OptOuts`."""

    async def identity(self) -> str:
        """Return what tells this list from all others."""
        ...

    async def history(self, number: str) -> Sequence[OptOutEvent]:
        """Return all events of a number, the oldest first."""
        ...

    async def changes(self, after: int) -> OptOutChanges:
        """Return what has changed after the event of a key."""
        ...


class OptOutView:
    """Who has opted out, as far as was read.

    All numbers that are opted out are kept in memory, so that a refresh reads what is new alone.

    Args:
        opt_outs: the list.
    """

    def __init__(self, opt_outs: OptOutList) -> None:
        self._list = opt_outs
        #: The key of the last change that was read.
        self.last = 0
        self._out: set[str] = set()
        self._turn = asyncio.Lock()
        # How many readings have begun, and the last one that came to its end.
        self._readings = self._complete = 0
        # A claim reads the list as well, on the journal's thread.
        self._lock = new_lock()

    async def identity(self) -> str:
        """Return what tells the list from all others."""
        return await self._list.identity()

    async def refresh(self) -> None:
        """Read what has changed up to now; calls that wait for one reading share the next.

        Raises:
            JournalError: the list cannot be read.
        """
        awaited = self._readings + 1  # the first one that begins after this call
        async with self._turn:
            if self._complete >= awaited:
                return
            self._readings = reading = self._readings + 1
            self.learn(await self._list.changes(self.last))
            self._complete = reading

    def learn(self, changes: OptOutChanges) -> None:
        """Take in what has changed after an event that is known; some of it may be known, too."""
        with self._lock:
            if changes.last > self.last:  # no other task has read it meanwhile
                self._out.update(changes.out)
                self._out.difference_update(changes.back)
                self.last = changes.last

    def leaves_out(self, numbers: Iterable[str]) -> bool:
        """Return whether one of these numbers is opted out."""
        return not self._out.isdisjoint(numbers)

    def is_out(self, number: str) -> bool:
        """Return whether a number is opted out."""
        return number in self._out

    async def out_before(self, numbers: Iterable[str], at: float) -> tuple[str, ...]:
        """Return those of these numbers that are opted out, and were at a time.

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
        """Whether nobody is opted out."""
        return not self._out


def another_list(campaign: str) -> ConfigurationError:
    """Return the error for a campaign that was begun with another opt-out list."""
    return ConfigurationError(
        f"campaign {campaign!r} respects another opt-out list; give the client the opt_outs= that "
        "it was begun with"
    )
