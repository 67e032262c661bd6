"""Stores of handled and claimed reports."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from os import PathLike
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from smsworks_async.errors import ConfigurationError
from smsworks_async.journals import leases
from smsworks_async.journals.leases import Lease


if TYPE_CHECKING:
    from smsworks_async.journals import Journal


#: The placeholder for the status of an incoming message, which has none.
INCOMING: Final = "INCOMING"
#: The most statuses that `MemorySeen` keeps for a message; a message usually has about four.
_STATUSES: Final = 16


@runtime_checkable
class Seen(Protocol):
    """A store of handled reports, and of reports that are being handled.

    The methods may be async or plain functions. Plain functions are called on the loop or thread
    that serves the request, and should not block. Processes with the same store handle each report
    once.

    A report is claimed before the handler runs. A message has one claim at a time, for any status,
    so a table of claims with the message id as its key is sufficient::

        INSERT INTO claims (message_id, owner, until)
        VALUES ($1, $2, now() + $3 * interval '1 second')
        ON CONFLICT (message_id) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE claims.owner = excluded.owner OR claims.until <= now()
        RETURNING true
    """

    def statuses(self, message_id: str) -> Collection[str] | Awaitable[Collection[str]]:
        """Return the handled statuses of a message.

        Args:
            message_id: the message's id.

        Returns:
            The statuses, in upper case; ``"INCOMING"`` stands for an incoming message.
        """
        ...

    def claim(
        self, message_id: str, status: str, owner: str, seconds: float
    ) -> bool | Awaitable[bool]:
        """Claim a message for an owner, or renew the claim, in one atomic step.

        Args:
            message_id: the message's id.
            status: the status that will be handled.
            owner: unique to this attempt.
            seconds: the duration of the claim, unless it is renewed.

        Returns:
            False if another owner has a valid claim on this message, otherwise True.
        """
        ...

    def release(self, message_id: str, owner: str) -> Awaitable[None] | None:
        """Release an owner's claim on a message: its handler failed or did not run.

        Args:
            message_id: the message's id.
            owner: the owner of the claim.
        """
        ...

    def add(self, message_id: str, status: str, owner: str) -> Awaitable[None] | None:
        """Record that a status was handled, and release the owner's claim, in one atomic step.

        Args:
            message_id: the message's id.
            status: the status that was handled. With ``confirm=True`` it may differ from the
                claimed one.
            owner: the owner of the claim.
        """
        ...


class MemorySeen:
    """A store in this process, for the most recently used messages.

    A message that was evicted is handled again if it is repeated. A message takes about 300 bytes.

    Args:
        limit: the number of messages to remember, at least 1; default 100,000.
        clock: returns seconds for the expiry of claims; default `time.monotonic`.

    Raises:
        ConfigurationError: the limit is less than one.
    """

    def __init__(
        self, limit: int = 100_000, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if limit < 1:
            raise ConfigurationError("limit must be at least 1")
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._statuses: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._leases: dict[str, Lease] = {}

    def statuses(self, message_id: str) -> tuple[str, ...]:
        """Return the handled statuses of a message."""
        with self._lock:
            if message_id not in self._statuses:
                return ()
            self._statuses.move_to_end(message_id)
            return self._statuses[message_id]

    def claim(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        """Claim a message for an owner, or renew the claim; False if another owner has it."""
        with self._lock:
            if status in self._statuses.get(message_id, ()):
                return False
            held = self._leases.get(message_id)
            lease = leases.acquire(held, owner, self._clock(), seconds)
            self._leases[message_id] = lease
            return lease.owner == owner

    def release(self, message_id: str, owner: str) -> None:
        """Release an owner's claim on a message, if it exists."""
        with self._lock:
            self._release(message_id, owner)

    def _release(self, message_id: str, owner: str) -> None:
        if leases.release(self._leases.get(message_id), owner) is None:
            self._leases.pop(message_id, None)

    def add(self, message_id: str, status: str, owner: str = "") -> None:
        """Record that a status was handled, and evict the least recently used message."""
        with self._lock:
            self._release(message_id, owner)
            known = self._statuses.get(message_id, ())
            if status not in known:
                self._statuses[message_id] = (*known, status)[-_STATUSES:]
            self._statuses.move_to_end(message_id)
            if len(self._statuses) > self._limit:
                self._statuses.popitem(last=False)

    def __len__(self) -> int:
        return len(self._statuses)


class _JournalSeen:
    """A store in a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.statuses = journal.seen
        self.claim = journal.claim_seen
        self.release = journal.release_seen
        self.add = journal.add_seen


def open_seen(seen: Seen | Journal | str | PathLike[str] | None) -> Seen:
    """Return the store for an argument: the caller's `Seen`, a journal, or one in memory.

    Raises:
        ConfigurationError: it is none of these.
    """
    if seen is None:
        return MemorySeen()
    if isinstance(seen, Seen):
        return seen
    if hasattr(seen, "statuses"):
        missing = [name for name in ("claim", "release", "add") if not hasattr(seen, name)]
        raise ConfigurationError(f"seen lacks {' and '.join(missing)}; see webhooks.Seen")
    from smsworks_async.journals import open_journal

    journal, _ = open_journal(seen)
    return _JournalSeen(journal)
