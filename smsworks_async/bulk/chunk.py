"""Chunks of recipients, each of which goes out in one request, and the payload that they carry."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs


T = TypeVar("T")


class Payload(Protocol[T]):
    """What a bulk run sends: one text to many numbers, or messages with texts of their own.

    Its items are recipients, checked: numbers, or messages as they go on the wire.

    Attributes:
        name: ``"send"``, ``"send_each"`` or ``"template"``.
        shared: what all messages share, as it goes on the wire.
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
        """Check one value and return its item, or raise `ValidationError`."""
        ...

    def are_items(self, values: Sequence[Any], /) -> bool:
        """Return whether all values are items already, so that none need be parsed."""
        ...

    def keys(self, items: Sequence[T], /) -> Sequence[Hashable]:
        """Return a key for each item; items with equal keys are repeats."""
        ...

    def international(self, items: Sequence[T], /) -> Sequence[int]:
        """Return the indices of the items outside the UK."""
        ...

    def destination(self, item: T, /) -> str:
        """Return the number that an item goes to."""
        ...

    def destinations(self, items: Sequence[T], /) -> Sequence[str]:
        """Return the numbers that items go to."""
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
        """Return the metadata that identifies the message at a position; perhaps none."""
        ...

    def credits(self, items: Sequence[T], /, *, international: bool) -> float:
        """Estimate the credits that items cost."""
        ...

    def document(self, chunk: Chunk[T], /) -> Any:
        """Return the body of a chunk's request."""
        ...

    def pack(self, items: Sequence[T], /) -> str:
        """Serialise items for a journal."""
        ...

    def unpack(self, packed: str, /) -> Sequence[T]:
        """Parse items that `pack` has serialised."""
        ...


@attrs.frozen(eq=False)
class Chunk(Generic[T]):
    """Recipients that go out in one request.

    Attributes:
        number: counted from 0.
        items: the recipients.
        positions: where they stood in what was read.
        international: whether they are outside the UK, which an account may not be allowed.
        credits: what they cost, estimated.
        attempt: which of its requests this is, by the journal's count; 0 without a journal.
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
    """Split a chunk in two, and give the halves these numbers."""
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
