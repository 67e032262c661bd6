"""The provider of the model, as visible to searches."""

from __future__ import annotations

from typing import Any, Final

from smsworks_async.errors import NotFound
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.outgoing import KEY
from support.exploration.world import TIMEOUT
from support.key_exploration.world import Bound, Message


NUMBERS: Final = ("447700900001", "447700900002")
TEXTS: Final = ("Hello", "Goodbye")


class Gateway:
    """The search results for the visible messages."""

    timeout = TIMEOUT

    def __init__(self, bound: Bound, hashes: list[str], seen: tuple[Message, ...]) -> None:
        self._hashes = hashes
        self._seen = seen
        self._kind = bound.kind
        self._shows_marks = bound.shows_marks and self._kind == "message"

    async def now(self) -> None:
        return None

    def _records(self, message: Message) -> list[MessageRecord]:
        mark = {KEY: self._hashes[message.made.key]} if self._shows_marks else {}
        content = None if self._kind == "passcode" else TEXTS[message.made.text]
        if self._kind != "batch":
            ids = {message.message_id: (NUMBERS[0], None)}
        else:
            ids = {f"{message.message_id}/{n}": (n, message.message_id) for n in NUMBERS}
        return [
            MessageRecord(
                message_id, batch_id=batch_id, destination=number, content=content, metadata=mark
            )
            for message_id, (number, batch_id) in ids.items()
        ]

    async def iterate(self, *, destination: str, metadata: Any = None, **_: Any) -> Any:
        for message in self._seen:
            for record in self._records(message):
                if record.destination != destination:
                    continue
                if metadata is None or not self._shows_marks or record.metadata == metadata:
                    yield record

    async def get(self, batch_id: str) -> list[MessageRecord]:
        records = [r for m in self._seen for r in self._records(m) if r.batch_id == batch_id]
        if not records:
            raise NotFound("no such batch", status=404, code=None)
        return records

    async def message(self, message_id: str) -> MessageRecord:
        for record in (r for m in self._seen for r in self._records(m)):
            if record.message_id == message_id:
                return record
        raise NotFound("no such message", status=404, code=None)
