"""The changes since the last event of each open stream; `streaming` writes the events.

Changes in quick succession are merged into one event. So are all changes while a stream is not
read, which bounds the memory of a stream.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable


MOST_IDS: Final = 100
PREFACE: Final = b"retry: 1000\n\n"
COMMENT: Final = b": still here\n\n"


@attrs.frozen
class Pauses:
    """Intervals in seconds, by the event loop's clock.

    Attributes:
        events: the least time between two events of a stream.
        comments: the time without an event after which a comment is sent.
        patience: the time limit for writing; a reader that exceeds it is disconnected.
    """

    events: float = 0.1
    comments: float = 15.0
    patience: float = 15.0


@attrs.define(eq=False)
class Stream:
    """The changes that have not been sent to one reader yet.

    Attributes:
        wake: called when there is a change, and at the end.
        more: whether more messages have changed than are listed, or everything has changed.
        ids: the ids of new and changed messages, as the keys of a dict, which keeps their order.
    """

    wake: Callable[[], object]
    more: bool = False
    ids: dict[str, None] = attrs.Factory(dict)

    def note(self, message_id: str | None) -> None:
        """Record a change of a message; None for a change of something else."""
        if message_id is not None and message_id not in self.ids:
            if len(self.ids) < MOST_IDS:
                self.ids[message_id] = None
            else:
                self.more = True
        self.wake()


class Feed:
    """Record changes, and make the events of each stream.

    Attributes:
        run: an identifier that changes at each start and reset of the sandbox.
        version: the number of changes.
        streams: the open streams.
        is_closed: whether all streams have ended.

    Args:
        counts: a function that returns the counts that each event has.
        pauses: the intervals of events and comments.
    """

    def __init__(self, counts: Callable[[], dict[str, Any]], pauses: Pauses | None = None) -> None:
        self.run = secrets.token_hex(4)
        self.version = 0
        self.streams: set[Stream] = set()
        self.pauses = pauses or Pauses()
        self._counts = counts
        self.is_closed = False

    def note(self, message_id: str | None = None) -> None:
        """Record a change of a message; None for a change of something else."""
        self.version += 1
        for stream in self.streams:
            stream.note(message_id)

    def restart(self) -> None:
        """Record for every stream that everything has changed."""
        self.run = secrets.token_hex(4)
        for stream in self.streams:
            stream.ids.clear()
            stream.more = True
        self.note()

    def open(self, wake: Callable[[], object], last_id: str = "") -> Stream:
        """Open a stream, which has its first event immediately.

        Args:
            wake: called when there is a change, and at the end.
            last_id: the id of the last event that the reader received; empty if none.
        """
        stream = Stream(wake, more=last_id != self._id())
        wake()
        self.streams.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Remove a stream."""
        self.streams.discard(stream)

    def end(self) -> None:
        """End all streams, including those that are opened later."""
        self.is_closed = True
        for stream in self.streams:
            stream.wake()

    def event(self, stream: Stream) -> bytes:
        """Return an event with the changes of a stream, and clear them."""
        data = {"messages": list(stream.ids), "more": stream.more, **self._counts()}
        stream.ids.clear()
        stream.more = False
        return f"event: change\nid: {self._id()}\ndata: {json.dumps(data)}\n\n".encode()

    def _id(self) -> str:
        return f"{self.run}-{self.version}"
