"""What a bulk run is made of: one text to many, or a text to each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

import attrs

from smsworks_async import phone, text
from smsworks_async.models.convert import to_wire
from smsworks_async.models.outgoing import BatchMessage, Message
from smsworks_async.resources.batches import as_message


#: What a text costs outside the UK: typically double, by the provider's guide (*Message length*).
ABROAD: Final = 2.0


class OneText:
    """One text to many; an item is a number."""

    parse = staticmethod(phone.normalise)
    is_uk = staticmethod(phone.is_uk)
    key: Any = str

    def __init__(self, message: BatchMessage) -> None:
        self._wire = to_wire(message)
        self._credits = text.measure(message.content).credits

    def destination(self, item: str) -> str:
        """Give the number that it goes to."""
        return item

    def credits(self, items: Sequence[str], *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        return len(items) * self._credits * (ABROAD if abroad else 1.0)

    def document(self, items: Sequence[str]) -> dict[str, Any]:
        """Give the body of the request for a chunk."""
        return {**self._wire, "destinations": items}


class EachItsText:
    """A text to each; an item is a message."""

    def parse(self, value: Message | Mapping[str, Any]) -> Message:
        """Check one, or raise `ValidationError`."""
        message = as_message(value)
        return attrs.evolve(message, ai=False) if message.ai is None else message

    def key(self, item: Message) -> Hashable:
        """Give what tells it from others."""
        return item.destination, item.content

    def is_uk(self, item: Message) -> bool:
        """Say whether it goes to the UK."""
        return phone.is_uk(item.destination)

    def destination(self, item: Message) -> str:
        """Give the number that it goes to."""
        return item.destination

    def credits(self, items: Sequence[Message], *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        each = sum(text.measure(item.content).credits for item in items)
        return each * (ABROAD if abroad else 1.0)

    def document(self, items: Sequence[Message]) -> list[dict[str, Any]]:
        """Give the body of the request for a chunk."""
        return [to_wire(item) for item in items]
