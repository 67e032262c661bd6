"""The feed: what has changed, for each open stream, as server-sent events; `streaming` writes them.

Changes that come fast are told together. A stream that is not read holds one event in all: what
comes meanwhile is merged into it, so that the memory of a stream has a bound.
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
    """Seconds of the event loop's clock.

    Attributes:
        events: between two events of a stream, at least.
        comments: after which a stream without an event gets a comment.
        patience: within which a reader takes what was written, or is dropped.
    """

    events: float = 0.1
    comments: float = 15.0
    patience: float = 15.0


@attrs.define(eq=False)
class Stream:
    """What one reader has not been told yet.

    Attributes:
        ids: of the messages that are new or have changed; the keys of a dict, to keep their order.
        more: whether there are more of them than are listed, or all is different.
        wake: called when there is something to tell, and at the end.
    """

    wake: Callable[[], object]
    more: bool = False
    ids: dict[str, None] = attrs.Factory(dict)

    def note(self, message_id: str | None) -> None:
        """Take in a change: of a message, or of something else if None."""
        if message_id is not None and message_id not in self.ids:
            if len(self.ids) < MOST_IDS:
                self.ids[message_id] = None
            else:
                self.more = True
        self.wake()


class Feed:
    """Notes changes, and gives each stream its events.

    Attributes:
        run: names the account that is shown: another after each start and each reset.
        version: counts the changes.
        streams: those that are open.
        is_closed: whether all streams have ended.

    Args:
        counts: returns what each event shows besides the messages that have changed.
        pauses: how often streams are written to.
    """

    def __init__(self, counts: Callable[[], dict[str, Any]], pauses: Pauses | None = None) -> None:
        self.run = secrets.token_hex(4)
        self.version = 0
        self.streams: set[Stream] = set()
        self.pauses = pauses or Pauses()
        self._counts = counts
        self.is_closed = False

    def note(self, message_id: str | None = None) -> None:
        """Take in a change: of a message, or of something else."""
        self.version += 1
        for stream in self.streams:
            stream.note(message_id)

    def restart(self) -> None:
        """Tell every stream that all is different."""
        self.run = secrets.token_hex(4)
        for stream in self.streams:
            stream.ids.clear()
            stream.more = True
        self.note()

    def open(self, wake: Callable[[], object], last_id: str = "") -> Stream:
        """Open a stream, which has an event at once.

        Args:
            wake: called when there is something to tell, and at the end.
            last_id: the id of the last event that the reader had, if it had any.
        """
        stream = Stream(wake, more=last_id != self._id())
        wake()
        self.streams.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream."""
        self.streams.discard(stream)

    def end(self) -> None:
        """End all streams, and those that are opened from now on."""
        self.is_closed = True
        for stream in self.streams:
            stream.wake()

    def event(self, stream: Stream) -> bytes:
        """Return the event that tells a stream what has changed, and count it as told."""
        data = {"messages": list(stream.ids), "more": stream.more, **self._counts()}
        stream.ids.clear()
        stream.more = False
        return f"event: change\nid: {self._id()}\ndata: {json.dumps(data)}\n\n".encode()

    def _id(self) -> str:
        return f"{self.run}-{self.version}"
