"""What was handled already, so that repeats and latecomers are told from news."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Awaitable, Collection
from os import PathLike
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from smsworks_async.errors import ConfigurationError
from smsworks_async.models.incoming import FINAL_STATUSES


if TYPE_CHECKING:
    from smsworks_async.bulk.journals import Journal


#: What stands for the status of an incoming message, which has none.
INCOMING: Final = "INCOMING"
#: How many statuses of one message `MemorySeen` keeps; a message goes through four or so.
_STATUSES: Final = 16


@runtime_checkable
class Seen(Protocol):
    """The memory of what was handled, by message and status.

    Both methods may be plain functions, which are called where the request is served and should not
    block there, or async ones. Memories of several processes are one where they keep the same
    store: a table with (message id, status) as its key is enough.
    """

    def statuses(self, message_id: str) -> Collection[str] | Awaitable[Collection[str]]:
        """Give the statuses of a message that were handled; ``"INCOMING"`` for a message to you."""
        ...

    def add(self, message_id: str, status: str) -> Awaitable[None] | None:
        """Keep that a status was handled; called after the handler succeeded, never before."""
        ...


class MemorySeen:
    """A memory of this process, of the messages that were last spoken of.

    What falls out of it is handled again when it comes again. A message takes 300 bytes or so.

    Args:
        limit: how many messages it remembers.

    Raises:
        ConfigurationError: that is less than one.
    """

    def __init__(self, limit: int = 100_000) -> None:
        if limit < 1:
            raise ConfigurationError("limit must be 1 at least")
        self._limit = limit
        self._lock = threading.Lock()
        self._statuses: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def statuses(self, message_id: str) -> tuple[str, ...]:
        """Give the statuses of a message that were handled."""
        with self._lock:
            if message_id not in self._statuses:
                return ()
            self._statuses.move_to_end(message_id)
            return self._statuses[message_id]

    def add(self, message_id: str, status: str) -> None:
        """Keep that a status was handled, and forget whom nobody spoke of for longest."""
        with self._lock:
            known = self._statuses.get(message_id, ())
            self._statuses[message_id] = (*known, status)[-_STATUSES:]
            self._statuses.move_to_end(message_id)
            if len(self._statuses) > self._limit:
                self._statuses.popitem(last=False)

    def __len__(self) -> int:
        return len(self._statuses)


class _InJournal:
    """A memory that lives in a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def statuses(self, message_id: str) -> Collection[str]:
        return await self._journal.seen(message_id)

    async def add(self, message_id: str, status: str) -> None:
        await self._journal.add_seen(message_id, status)


def memory_of(seen: Seen | Journal | str | PathLike[str] | None) -> Seen:
    """Give the memory that somebody meant: their own, a journal's, or one of this process."""
    if seen is None:
        return MemorySeen()
    if isinstance(seen, Seen):
        return seen
    from smsworks_async.bulk.journals import open_journal

    journal, _ = open_journal(seen)
    return _InJournal(journal)


def is_news(status: str, handled: Collection[str]) -> bool:
    """Say whether a status should reach the handler, after those that did.

    Not when it did before, and not after a final one: the first final status stands.
    """
    if not handled or status == INCOMING:
        return status not in handled
    return status not in handled and FINAL_STATUSES.isdisjoint(handled)
