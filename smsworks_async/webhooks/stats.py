"""Delivery statistics in constant memory."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from smsworks_async.errors import ConfigurationError
from smsworks_async.models.incoming import MessageRecord


#: The name under which tags or batches beyond the limit are counted.
OTHERS: Final = "(others)"

#: Times are counted in classes, each 2 % longer than the previous one.
_CLASS: Final = math.log(1.02)
#: The statuses that cost nothing: the message was stopped before it was sent.
_FREE: Final = frozenset({"REJECTED", "FAILED", "CANCELLED"})
#: The statuses for which messages to the UK are refunded.
_REFUNDED: Final = frozenset({"UNDELIVERED", "EXPIRED"})


class Tally:
    """The counts of a set of messages, kept by `DeliveryStats`.

    Attributes:
        messages: the number of messages.
        by_status: the number of messages by final status.
        by_failure: the number of failed messages by API code (see `smsworks_async.errors.CODES`);
            None for reasons without a code.
        spent: their final cost in credits.
        refunded: the credits that were charged and refunded.
        slowest: seconds to the slowest delivery, or None while there is none.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.by_status: Counter[str] = Counter()
        self.by_failure: Counter[int | None] = Counter()
        self.spent = 0.0
        self.refunded = 0.0
        self.slowest: float | None = None
        self._times: Counter[int] = Counter()

    @property
    def median(self) -> float | None:
        """Seconds to the median delivery, within 1 %; None while there is none."""
        times = sorted(dict(self._times).items())  # a copy: another thread may count meanwhile
        left = sum(count for _, count in times) / 2
        for number, count in times:
            left -= count
            if left <= 0:
                return min(math.exp((number + 0.5) * _CLASS), self.slowest or 0.0)
        return None

    def _add(self, record: MessageRecord) -> None:
        self.messages += 1
        self.by_status[record.status] += 1
        if record.status == "DELIVERED":
            self._time(_seconds(record))
        elif record.failure_reason is not None:
            self.by_failure[record.failure_reason.code] += 1
        cost = record.credits or 0.0
        if record.status in _REFUNDED and not _is_international(record):
            self.refunded += cost
        elif record.status not in _FREE:
            self.spent += cost

    def _time(self, seconds: float | None) -> None:
        if seconds is not None:
            self.slowest = max(self.slowest or 0.0, seconds)
            self._times[math.floor(math.log(max(seconds, 0.001)) / _CLASS)] += 1

    def _include(self, other: Tally) -> None:
        self.messages += other.messages
        self.by_status.update(other.by_status)
        self.by_failure.update(other.by_failure)
        self.spent += other.spent
        self.refunded += other.refunded
        self._times.update(other._times)
        if other.slowest is not None:
            self.slowest = max(self.slowest or 0.0, other.slowest)

    def __repr__(self) -> str:
        return f"<{self.messages} messages: {dict(self.by_status)}>"


class DeliveryStats:
    """Counts the final statuses of messages: in total, by tag, and by batch.

    Add each message once, in its final status: `Webhooks` guarantees that for reports, and searches
    and `batches.get` return records to add. Records that are not final are ignored. Memory use does
    not grow with the number of messages: times are kept in classes 2 % apart, so the median is
    accurate to 1 %; all other values are exact.

    UNDELIVERED and EXPIRED are refunded for the UK, and charged for other countries; REJECTED,
    FAILED and CANCELLED cost nothing; all other statuses cost what the record says.

    It is thread-safe.

    Attributes:
        total: all messages.

    Args:
        groups: the number of tags, and of batches, to count separately; later ones are counted
            together as ``"(others)"``.

    Raises:
        ConfigurationError: `groups` is less than 1.
    """

    def __init__(self, groups: int = 1000) -> None:
        if groups < 1:
            raise ConfigurationError("groups must be at least 1")
        self._groups = groups
        self._lock = threading.Lock()
        self.total = Tally()
        self._by_tag: dict[str, Tally] = {}
        self._by_batch: dict[str, Tally] = {}

    def add(self, record: MessageRecord) -> bool:
        """Count a report or a record; return whether it was counted, which only final ones are.

        >>> stats = DeliveryStats()
        >>> [stats.add(MessageRecord("5f2a", status)) for status in ("SENT", "DELIVERED")]
        [False, True]
        >>> stats.total.messages
        1
        """
        if not record.is_final:
            return False
        with self._lock:
            self.total._add(record)  # noqa: SLF001 - of this module
            for groups, name in ((self._by_tag, record.tag), (self._by_batch, record.batch_id)):
                if name:
                    self._of(groups, name)._add(record)  # noqa: SLF001
        return True

    @property
    def by_tag(self) -> Mapping[str, Tally]:
        """The counts by tag. Messages without a tag are only in the total."""
        return MappingProxyType(self._by_tag)

    @property
    def by_batch(self) -> Mapping[str, Tally]:
        """The counts by batch id."""
        return MappingProxyType(self._by_batch)

    def campaign(self, batch_ids: Iterable[str]) -> Tally:
        """Return the sum of the batches of a campaign, such as those in a `BulkReport`."""
        sum_ = Tally()
        with self._lock:
            for batch_id in set(batch_ids):
                if batch_id in self._by_batch:
                    sum_._include(self._by_batch[batch_id])  # noqa: SLF001
        return sum_

    def _of(self, groups: dict[str, Tally], name: str) -> Tally:
        if name not in groups and len(groups) >= self._groups:
            name = OTHERS
        return groups.setdefault(name, Tally())


def _seconds(record: MessageRecord) -> float | None:
    """Return the seconds from the time at which a message was due until its delivery."""
    sent = _latest(record.created, record.schedule)
    if sent is None or record.modified is None:
        return None
    return max((record.modified - sent).total_seconds(), 0.0)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _is_international(record: MessageRecord) -> bool:
    if record.international is not None:
        return record.international
    return record.destination is not None and not record.destination.startswith("44")
