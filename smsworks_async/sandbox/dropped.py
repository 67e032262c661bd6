"""Counts of messages that are no longer kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from .records import INCOMING, SENT_STATUSES


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Message


DAY: Final = 86400  # seconds; days begin at midnight UTC
_DAYS: Final = 3


class DroppedMessages:
    """Counts of the messages that were dropped.

    Attributes:
        by_destination: the number of messages accepted for sending, by destination.
        by_status: the number of messages sent or failed, by status.
        by_day: the number of messages sent on each of the latest days, by days since 1970.
    """

    def __init__(self) -> None:
        self.by_destination: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.by_day: Counter[int] = Counter()

    def add(self, messages: Iterable[Message]) -> None:
        """Count messages that are being dropped."""
        for message in messages:
            if message.status == INCOMING:
                continue
            self.by_status[message.status] += 1
            if message.status != "FAILED":
                self.by_destination[message.destination] += 1
            if message.status in SENT_STATUSES:
                self.by_day[int(message.schedule // DAY)] += 1
        for day in sorted(self.by_day)[:-_DAYS]:
            del self.by_day[day]

    def move(self, before: str, after: str) -> None:
        """Change the status in which a dropped message is counted."""
        self.by_status[before] -= 1
        self.by_status += Counter({after: 1})

    def sent_since(self, moment: float) -> int:
        """Return the number of messages sent on the day of a time in POSIX seconds, and later."""
        return sum(count for day, count in self.by_day.items() if day >= moment // DAY)
