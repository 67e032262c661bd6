"""Reading recipients: checked, told apart, and put into chunks. Nothing is dropped silently."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs

from smsworks_async.bulk.report import Problem, Reason
from smsworks_async.errors import ValidationError


T = TypeVar("T")

#: How many recipients are read at a time.
SLICE: Final = 500


class Kind(Protocol[T]):
    """What a bulk run is made of: destinations, or messages."""

    def parse(self, value: Any, /) -> T:
        """Check one, or raise `ValidationError`."""
        ...

    def key(self, item: T, /) -> Hashable:
        """Give what tells it from others."""
        ...

    def is_uk(self, item: T, /) -> bool:
        """Say whether it goes to the UK."""
        ...

    def destination(self, item: T, /) -> str:
        """Give the number that it goes to."""
        ...

    def credits(self, items: Sequence[T], /, *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        ...

    def document(self, items: Sequence[T], /) -> Any:
        """Give the body of the request for a chunk."""
        ...


@attrs.frozen
class Chunk(Generic[T]):
    """Recipients that go out in one request.

    Attributes:
        number: counted from 0.
        items: the recipients.
        abroad: whether they are outside the UK, which an account may not be allowed.
        credits: what they cost, estimated.
    """

    number: int
    items: tuple[T, ...] = attrs.field(repr=False)
    abroad: bool
    credits: float


class Reader(Generic[T]):
    """Takes what is read, slice by slice, and gives chunks.

    Numbers outside the UK go in chunks of their own, so that an account which is not allowed them
    loses nobody else.
    """

    def __init__(self, kind: Kind[T], chunk_size: int, *, deduplicate: bool) -> None:
        self._kind = kind
        self._size = chunk_size
        self._seen: set[Hashable] | None = set() if deduplicate else None
        self._waiting: dict[bool, list[T]] = {True: [], False: []}
        self._chunks = 0
        self.read = 0
        self.problems: list[Problem] = []
        self.set_aside = dict.fromkeys(Reason, 0)

    def take(self, values: Iterable[Any]) -> Iterator[Chunk[T]]:
        """Read a slice, and give the chunks that it fills."""
        parse, key, is_uk = self._kind.parse, self._kind.key, self._kind.is_uk
        waiting, seen, size = self._waiting, self._seen, self._size
        position = self.read - 1
        try:
            for position, value in enumerate(values, self.read):
                try:
                    item = parse(value)
                except Exception as error:  # whatever it is, it is this recipient's
                    self._set_aside(position, value, Reason.INVALID, error)
                    continue
                if seen is not None:
                    before = len(seen)
                    seen.add(key(item))
                    if len(seen) == before:
                        self._set_aside(position, value, Reason.DUPLICATE)
                        continue
                uk = is_uk(item)
                chunk = waiting[uk]
                chunk.append(item)
                if len(chunk) == size:
                    self.read = position + 1
                    yield self._chunk(uk)
        finally:
            self.read = position + 1

    def finish(self) -> Iterator[Chunk[T]]:
        """Give what is left."""
        for uk in (True, False):
            if self._waiting[uk]:
                yield self._chunk(uk)

    def _chunk(self, uk: bool) -> Chunk[T]:
        items = tuple(self._waiting[uk])
        self._waiting[uk] = []
        number, self._chunks = self._chunks, self._chunks + 1
        return Chunk(number, items, not uk, self._kind.credits(items, abroad=not uk))

    def _set_aside(
        self, position: int, value: object, reason: Reason, error: Exception | None = None
    ) -> None:
        self.set_aside[reason] += 1
        if error is None:
            problem = Problem(position, value, reason, "this recipient was there before")
        elif not isinstance(error, ValidationError):
            problem = Problem(position, value, reason, f"unreadable: {type(error).__name__}")
        else:
            problem = Problem(position, value, reason, str(error), error.field, error.code)
        self.problems.append(problem)


async def slices(values: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Sequence[Any]]:
    """Read any iterable, awaitable or not, a slice at a time.

    Raises:
        ValidationError: it is neither.
    """
    gathered: list[Any] = []
    try:
        if isinstance(values, AsyncIterable):
            async for value in values:
                gathered.append(value)
                if len(gathered) == SLICE:
                    yield gathered
                    gathered = []
        else:
            source = iter(values)
            while True:
                gathered = []
                gathered.extend(islice(source, SLICE))  # keeps what came before the source raised
                if len(gathered) < SLICE:
                    break
                yield gathered
    except Exception:
        if gathered:
            yield gathered
        raise
    if gathered:
        yield gathered


def check_iterable(values: object, field: str) -> None:
    """Refuse what would be read letter by letter, or not at all.

    Raises:
        ValidationError: it is a string, or no iterable.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable | AsyncIterable):
        raise ValidationError(
            f"{field} must be an iterable or an async iterable, not {type(values).__name__}",
            field=field,
        )
