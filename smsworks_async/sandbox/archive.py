"""The messages of an account: kept in order, found by id, batch and destination, and searched."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from . import dates
from .records import INCOMING, Message
from .schemas import MAX_ANSWER


if TYPE_CHECKING:
    from collections.abc import Iterator


_created = attrgetter("created")
_number = attrgetter("number")


class Archive:
    """Every message that the account has accepted or received, in that order.

    Attributes:
        added: how many there ever were; the number of the latest.
    """

    def __init__(self) -> None:
        self.added = 0
        self.messages: list[Message] = []
        self._by_id: dict[str, Message] = {}
        self._by_batch: dict[str, list[Message]] = {}
        self._by_destination: dict[str, list[Message]] = {}
        self._incoming: list[Message] = []

    def add(self, message: Message) -> None:
        """Keep a message that is newer than all before it."""
        self.added = message.number
        self.messages.append(message)
        self._by_id[message.message_id] = message
        self._by_destination.setdefault(message.destination, []).append(message)
        if message.batch_id is not None:
            self._by_batch.setdefault(message.batch_id, []).append(message)
        if message.status == INCOMING:
            self._incoming.append(message)

    def get(self, message_id: str) -> Message | None:
        """Return a message by its id, unless it has vanished."""
        message = self._by_id.get(message_id)
        return None if message is None or message.forgotten else message

    def find(self, message_id: str) -> Message | None:
        """Return a message by its id, though it has vanished."""
        return self._by_id.get(message_id)

    def numbered(self, number: int) -> Message | None:
        """Return a message by its number."""
        at = bisect_left(self.messages, number, key=_number)
        found = at < len(self.messages) and self.messages[at].number == number
        return self.messages[at] if found else None

    def batch(self, batch_id: str) -> list[Message]:
        """Return what is left of a batch's messages, vanished ones left out."""
        return [message for message in self._by_batch.get(batch_id, ()) if not message.forgotten]

    def accepted(self, destination: str | None = None) -> Iterator[Message]:
        """Return the messages that were accepted for sending and have not failed before it."""
        among = self.messages if destination is None else self._by_destination.get(destination, [])
        return (message for message in among if message.status not in {INCOMING, "FAILED"})

    def search(self, query: dict[str, Any], until: float, skew: float = 0.0) -> list[Message]:
        """Return the messages that fit a query, oldest first, of those created by `until`.

        The query's dates are read by a clock that is `skew` seconds ahead of the messages'.
        Besides the fields of a query it knows `among`: the statuses that a message may have.
        """
        skip = query.get("skip", 0)
        return list(
            islice(self._fitting(query, until, skew), skip, skip + query.get("limit", MAX_ANSWER))
        )

    def _fitting(self, query: dict[str, Any], until: float, skew: float) -> Iterator[Message]:
        # Blank strings are what the provider's own samples fill a query with: they ask for nothing.
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


def _fits(message: Message, query: dict[str, Any]) -> bool:
    if message.forgotten:
        return False
    for name in ("status", "sender", "keyword", "tag", "credits", "unread"):
        if name in query and query[name] != getattr(message, name):
            return False
    if "among" in query and message.status not in query["among"]:
        return False
    return all(pair in message.metadata for pair in query.get("metadata", ()))
