"""What became of many messages, counted in a memory that does not grow with their number."""

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


#: What all tags or batches beyond the limit are counted under.
OTHERS: Final = "(others)"

#: Times are counted in classes, each 2 % longer than the one before.
_CLASS: Final = math.log(1.02)
#: What costs nothing: the platform, or the account's holder, stopped it before it was sent.
_FREE: Final = frozenset({"REJECTED", "FAILED", "CANCELLED"})
#: What comes back, of messages to the UK.
_REFUNDED: Final = frozenset({"UNDELIVERED", "EXPIRED"})


class Tally:
    """What became of some messages. Read it; `DeliveryStats` counts.

    Attributes:
        messages: how many there were.
        by_status: how many had each final status.
        by_failure: how many failed by each of the API's codes (see `smsworks_async.errors.CODES`);
            None if the reason has no code.
        spent: credits that they cost in the end.
        refunded: credits that were charged and came back.
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
        times = sorted(dict(self._times).items())  # a copy: somebody may count meanwhile
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
    """Counts what became of messages: in all, by tag, and by batch.

    Give it each message once, in its final status: `Webhooks` sees to that for reports, and a
    search or `batches.get` gives records to count. What is not final yet is passed over. Its memory
    does not grow with the number of messages: times are kept in classes 2 % apart, so that the
    median is within 1 % of the truth, while all else is exact.

    UNDELIVERED and EXPIRED come back where they went to the UK, and cost all the same abroad;
    REJECTED, FAILED and CANCELLED cost nothing; everything else costs what its record says.

    Several threads may count at once.

    Attributes:
        total: all messages.

    Args:
        groups: how many tags, and how many batches, are told apart; those that come later are
            counted together, as ``"(others)"``.

    Raises:
        ConfigurationError: that is less than one.
    """

    def __init__(self, groups: int = 1000) -> None:
        if groups < 1:
            raise ConfigurationError("groups must be 1 at least")
        self._groups = groups
        self._lock = threading.Lock()
        self.total = Tally()
        self._by_tag: dict[str, Tally] = {}
        self._by_batch: dict[str, Tally] = {}

    def add(self, record: MessageRecord) -> bool:
        """Count a report or a record, and return whether it counts: only final ones do.

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
        """What became of the messages of each tag; those without one are only in the total."""
        return MappingProxyType(self._by_tag)

    @property
    def by_batch(self) -> Mapping[str, Tally]:
        """What became of each batch."""
        return MappingProxyType(self._by_batch)

    def campaign(self, batch_ids: Iterable[str]) -> Tally:
        """Add up the batches of a campaign, as a `BulkReport` names them."""
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
    """Tell how long a delivery took from when the message was to go."""
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
