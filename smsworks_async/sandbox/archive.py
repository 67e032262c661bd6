"""The messages of an account, in order, with indexes by id, batch and destination."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import compress, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from . import dates
from .dropped import DroppedMessages
from .records import INCOMING, Message
from .schemas import MAX_ANSWER


if TYPE_CHECKING:
    from collections.abc import Iterator


_created = attrgetter("created")
_number = attrgetter("number")


class Archive:
    """The latest messages that the account has accepted or received, in order.

    Attributes:
        added: the number of messages ever added, which is the number of the latest.
        messages: the messages that are kept.
        dropped: counts of the messages that are no longer kept.

    Args:
        keep: the least number of messages to keep; up to an eighth more are kept. None keeps all.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.added = 0
        self.messages: list[Message] = []
        self.dropped = DroppedMessages()
        self._keep = keep
        self._prune_at = math.inf if keep is None else keep + keep // 8
        self._by_id: dict[str, Message] = {}
        self._by_batch: dict[str, list[Message]] = {}
        self._by_destination: dict[str, list[Message]] = {}
        self._incoming: list[Message] = []

    def add(self, message: Message) -> None:
        """Add a message, which must be newer than all others."""
        self.added = message.number
        self.messages.append(message)
        self._by_id[message.message_id] = message
        self._by_destination.setdefault(message.destination, []).append(message)
        if message.batch_id is not None:
            self._by_batch.setdefault(message.batch_id, []).append(message)
        if message.status == INCOMING:
            self._incoming.append(message)

    def holds(self, message: Message) -> bool:
        """Return whether a message is kept."""
        return self._by_id.get(message.message_id) is message

    def prune(self) -> list[Message]:
        """Drop the oldest messages if there are too many, and return them.

        Scheduled messages are not dropped.
        """
        if self._keep is None or len(self.messages) <= self._prune_at:
            return []
        excess = len(self.messages) - self._keep
        waiting = (message.status != "SCHEDULED" for message in self.messages)
        dropped = list(islice(compress(self.messages, waiting), excess))
        gone = set(dropped)
        for message in dropped:
            del self._by_id[message.message_id]
        self.messages = [message for message in self.messages if message not in gone]
        self._incoming = [message for message in self._incoming if message not in gone]
        _remove(self._by_destination, {message.destination for message in dropped}, gone)
        _remove(self._by_batch, {message.batch_id for message in dropped}, gone)
        # If many messages are scheduled, this avoids a scan at every addition.
        self._prune_at = len(self.messages) + self._keep // 8
        self.dropped.add(dropped)
        return dropped

    def get(self, message_id: str) -> Message | None:
        """Return the message with an id, unless it has been forgotten."""
        message = self._by_id.get(message_id)
        return None if message is None or message.forgotten else message

    def find(self, message_id: str) -> Message | None:
        """Return the message with an id, even if it has been forgotten."""
        return self._by_id.get(message_id)

    def numbered(self, number: int) -> Message | None:
        """Return the message with a number; None if it is not kept."""
        at = bisect_left(self.messages, number, key=_number)
        found = at < len(self.messages) and self.messages[at].number == number
        return self.messages[at] if found else None

    def batch(self, batch_id: str) -> list[Message]:
        """Return the messages of a batch that are kept and not forgotten."""
        return [message for message in self._by_batch.get(batch_id, ()) if not message.forgotten]

    def has_batch(self, batch_id: str) -> bool:
        """Return whether any of a batch's messages are kept."""
        return batch_id in self._by_batch

    def accepted(self, destination: str | None = None) -> Iterator[Message]:
        """Return the kept messages that were accepted for sending, without FAILED ones."""
        among = self.messages if destination is None else self._by_destination.get(destination, [])
        return (message for message in among if message.status not in {INCOMING, "FAILED"})

    def search(self, query: dict[str, Any], until: float, skew: float = 0.0) -> list[Message]:
        """Return the messages that match a query, oldest first.

        Args:
            query: the fields of a search request, and optionally `among`, a set of statuses.
            until: the time of creation of the newest message to return, in POSIX seconds.
            skew: how far the clock of the query's dates is ahead of the messages', in seconds.
        """
        skip = query.get("skip", 0)
        return list(
            islice(self._fitting(query, until, skew), skip, skip + query.get("limit", MAX_ANSWER))
        )

    def _fitting(self, query: dict[str, Any], until: float, skew: float) -> Iterator[Message]:
        # The provider's samples fill unused fields of a query with empty strings.
        wanted = {name: value for name, value in query.items() if value != ""}
        among = self._narrowest(wanted)
        since, to = wanted.pop("from", None), wanted.pop("to", None)
        start = 0 if since is None else bisect_left(among, dates.parse(since) - skew, key=_created)
        last = until if to is None else min(until, dates.parse(to) - skew)
        stop = bisect_right(among, last, key=_created)
        return (message for message in islice(among, start, stop) if _fits(message, wanted))

    def _narrowest(self, query: dict[str, Any]) -> list[Message]:
        if "destination" in query:
            return self._by_destination.get(query["destination"], [])
        return self._incoming if query.get("status") == INCOMING else self.messages


def _remove(lists: dict[Any, list[Message]], keys: set[Any], gone: set[Message]) -> None:
    for key in keys & lists.keys():
        left = [message for message in lists[key] if message not in gone]
        if left:
            lists[key] = left
        else:
            del lists[key]


def _fits(message: Message, query: dict[str, Any]) -> bool:
    if message.forgotten:
        return False
    for name in ("status", "sender", "keyword", "tag", "credits", "unread"):
        if name in query and query[name] != getattr(message, name):
            return False
    if "among" in query and message.status not in query["among"]:
        return False
    return all(pair in message.metadata for pair in query.get("metadata", ()))
