"""Chunks of recipients, each for one request, and the protocol of payloads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs


T = TypeVar("T")


class Payload(Protocol[T]):
    """The payload of a bulk run: one text to many numbers, or messages with their own texts.

    Its items are validated recipients: numbers, or messages in wire format.

    Attributes:
        name: ``"send"``, ``"send_each"`` or ``"template"``.
        shared: the shared fields of all messages, in wire format.
    """

    @property
    def name(self) -> str:
        """See above."""
        ...

    @property
    def shared(self) -> Mapping[str, Any]:
        """See above."""
        ...

    @property
    def parse(self) -> Callable[[Any], T]:
        """Return the function that validates a value and returns its item, or raises."""
        ...

    def are_items(self, values: Sequence[Any], /) -> bool:
        """Return whether all values are already items, which need no parsing."""
        ...

    def keys(self, items: Sequence[T], /) -> Sequence[Hashable]:
        """Return a key for each item; items with equal keys are duplicates."""
        ...

    def international(self, items: Sequence[T], /) -> Sequence[int]:
        """Return the indices of the items outside the UK."""
        ...

    def destination(self, item: T, /) -> str:
        """Return the number of an item."""
        ...

    def destinations(self, items: Sequence[T], /) -> Sequence[str]:
        """Return the numbers of items."""
        ...

    def content(self, item: T, /) -> str:
        """Return the text of an item."""
        ...

    def sender(self, item: T, /) -> str:
        """Return the sender ID of an item."""
        ...

    def may_be_reworded(self, item: T, /) -> bool:
        """Return whether the provider may reword an item, so that texts cannot be compared."""
        ...

    def marks(self, position: int, /) -> Mapping[str, str]:
        """Return the metadata that identifies the message at a position; may be empty."""
        ...

    def credits(self, items: Sequence[T], /, *, international: bool) -> float:
        """Return the estimated credits of items."""
        ...

    def document(self, chunk: Chunk[T], /) -> Any:
        """Return the body of a chunk's request."""
        ...

    def pack(self, items: Sequence[T], /) -> str:
        """Serialise items for a journal."""
        ...

    def unpack(self, packed: str, /) -> Sequence[T]:
        """Parse items serialised by `pack`."""
        ...


@attrs.frozen(eq=False)
class Chunk(Generic[T]):
    """The recipients of one request.

    Attributes:
        number: its number, from 0.
        items: the recipients.
        positions: their positions in the input.
        international: whether they are outside the UK, for which the account must be enabled.
        credits: their estimated cost.
        attempt: the attempt, as counted by the journal; 0 without a journal.
        resent: whether the outcome of an earlier request is unknown.
    """

    number: int
    items: Sequence[T] = attrs.field(repr=False)
    positions: Sequence[int] = attrs.field(repr=False)
    international: bool
    credits: float
    attempt: int = 0
    resent: bool = False


def halves(chunk: Chunk[T], payload: Payload[T], numbers: Sequence[int]) -> Sequence[Chunk[T]]:
    """Split a chunk into two halves with the given numbers."""
    middle = len(chunk.items) // 2
    cuts = (slice(0, middle), slice(middle, None))
    return [
        attrs.evolve(
            chunk,
            number=number,
            items=chunk.items[cut],
            positions=chunk.positions[cut],
            credits=payload.credits(chunk.items[cut], international=chunk.international),
            attempt=0,
        )
        for number, cut in zip(numbers, cuts, strict=True)
    ]
