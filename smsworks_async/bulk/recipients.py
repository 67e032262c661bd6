"""Reading recipients: checked, told apart, and put into chunks. Nothing is dropped silently."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.models.iterables import copied, is_container
from smsworks_async.models.report import Problem, Reason


T = TypeVar("T")

#: How many recipients are read at a time.
SLICE: Final = 500


class Kind(Protocol[T]):
    """What a bulk run is made of: destinations, or messages.

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
        """Check one, or raise `ValidationError`."""
        ...

    def ready(self, values: Sequence[Any], /) -> bool:
        """Return whether all values are items as they are, so that none need be parsed."""
        ...

    def keys(self, items: Sequence[T], /) -> Sequence[Hashable]:
        """Give what tells each from the others."""
        ...

    def abroad(self, items: Sequence[T], /) -> Sequence[int]:
        """Give the indices of those outside the UK."""
        ...

    def destination(self, item: T, /) -> str:
        """Give the number that it goes to."""
        ...

    def content(self, item: T, /) -> str:
        """Give the text that it gets."""
        ...

    def sender(self, item: T, /) -> str:
        """Give the sender that it comes from."""
        ...

    def may_be_reworded(self, item: T, /) -> bool:
        """Say whether the provider may reword it, so that texts cannot be compared."""
        ...

    def identity(self, position: int, /) -> Mapping[str, str]:
        """Give the metadata that tells it from all others, where it has any."""
        ...

    def credits(self, items: Sequence[T], /, *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        ...

    def document(self, chunk: Chunk[T], /) -> Any:
        """Give the body of the request for a chunk."""
        ...

    def pack(self, items: Sequence[T], /) -> str:
        """Write items down, for a journal."""
        ...

    def unpack(self, packed: str, /) -> Sequence[T]:
        """Read items that were written down."""
        ...


@attrs.frozen(eq=False)
class Chunk(Generic[T]):
    """Recipients that go out in one request.

    Attributes:
        number: counted from 0.
        items: the recipients.
        positions: where they stood in what was read.
        abroad: whether they are outside the UK, which an account may not be allowed.
        credits: what they cost, estimated.
        attempt: which of its requests this is, by the journal's count; 0 without a journal.
        resent: whether an earlier request of it is in doubt.
    """

    number: int
    items: Sequence[T] = attrs.field(repr=False)
    positions: Sequence[int] = attrs.field(repr=False)
    abroad: bool
    credits: float
    attempt: int = 0
    resent: bool = False


def halves(chunk: Chunk[T], kind: Kind[T], numbers: Sequence[int]) -> Sequence[Chunk[T]]:
    """Cut a chunk in two, which go by these numbers."""
    middle = len(chunk.items) // 2
    cuts = (slice(0, middle), slice(middle, None))
    return [
        attrs.evolve(
            chunk,
            number=number,
            items=chunk.items[cut],
            positions=chunk.positions[cut],
            credits=kind.credits(chunk.items[cut], abroad=chunk.abroad),
            attempt=0,
        )
        for number, cut in zip(numbers, cuts, strict=True)
    ]


class Reader(Generic[T]):
    """Takes what is read, slice by slice, and gives chunks.

    Numbers outside the UK go in chunks of their own, so that an account which is not allowed them
    loses nobody else.
    """

    def __init__(self, kind: Kind[T], chunk_size: int, *, deduplicate: bool) -> None:
        self._kind = kind
        self._size = chunk_size
        self._seen: set[Hashable] | None = set() if deduplicate else None
        # Items and their positions, of those outside the UK (True) and in it.
        self._waiting: dict[bool, tuple[Sequence[T], Sequence[int]]] = dict.fromkeys(
            (True, False), ((), ())
        )
        #: How many chunks there are by now; the next one takes this number.
        self.chunks = 0
        self.read = 0
        self.problems: list[Problem] = []
        self.set_aside = dict.fromkeys(Reason, 0)

    def take(self, values: Sequence[Any]) -> Iterator[Chunk[T]]:
        """Read a slice, and give the chunks that it fills."""
        before = len(self.problems)
        items, positions = self._parse(values)
        self.read += len(values)
        if self._seen is not None:
            items, positions = self._without_repeats(self._seen, items, positions, values)
        self.problems[before:] = sorted(self.problems[before:], key=lambda one: one.position)
        abroad = self._kind.abroad(items)
        if abroad:
            self._put_by(True, [items[i] for i in abroad], [positions[i] for i in abroad])
            out = frozenset(abroad)
            home = [index for index in range(len(items)) if index not in out]
            items, positions = [items[i] for i in home], [positions[i] for i in home]
        self._put_by(False, items, positions)
        for where in (False, True):
            while len(self._waiting[where][0]) >= self._size:
                yield self._chunk(where)

    def _parse(self, values: Sequence[Any]) -> tuple[list[T], Sequence[int]]:
        """Check each, and give those that are in order with their positions."""
        if self._kind.ready(values):
            return list(values), range(self.read, self.read + len(values))
        items: list[T] = []
        bad: set[int] = set()
        parsed = map(self._kind.parse, values)
        while (done := len(items) + len(bad)) < len(values):
            error: Exception = RuntimeError("it stopped an iteration")
            try:
                items.extend(parsed)
            except Exception as raised:  # whatever it is, it is this recipient's
                error = raised
            done = len(items) + len(bad)
            if done < len(values):
                self._set_aside(self.read + done, values[done], Reason.INVALID, error)
                bad.add(done)
        positions = range(self.read, self.read + len(values))
        if not bad:
            return items, positions
        return items, [at for index, at in enumerate(positions) if index not in bad]

    def _without_repeats(
        self,
        seen: set[Hashable],
        items: list[T],
        positions: Sequence[int],
        values: Sequence[Any],
    ) -> tuple[list[T], Sequence[int]]:
        keys = self._kind.keys(items)
        before = len(seen)
        known = seen.intersection(keys)
        seen.update(keys)
        if not known and len(seen) == before + len(keys):
            return items, positions
        first = self.read - len(values)
        add = known.add
        new = [i for i, key in enumerate(keys) if key not in known and not add(key)]
        for index in sorted(set(range(len(items))).difference(new)):
            at = positions[index]
            self._set_aside(at, values[at - first], Reason.DUPLICATE)
        return [items[i] for i in new], [positions[i] for i in new]

    def _put_by(self, abroad: bool, items: Sequence[T], positions: Sequence[int]) -> None:
        before, at = self._waiting[abroad]
        # A slice that is a chunk, as most are, stays as it is, and its positions a range.
        self._waiting[abroad] = (
            ([*before, *items], [*at, *positions]) if before else (items, positions)
        )

    def finish(self) -> Iterator[Chunk[T]]:
        """Give what is left."""
        for abroad in (False, True):
            if self._waiting[abroad][0]:
                yield self._chunk(abroad)

    def _chunk(self, abroad: bool) -> Chunk[T]:
        items, positions = self._waiting[abroad]
        size = self._size
        self._waiting[abroad] = (items[size:], positions[size:])
        items, positions = items[:size], positions[:size]
        number, self.chunks = self.chunks, self.chunks + 1
        return Chunk(number, items, positions, abroad, self._kind.credits(items, abroad=abroad))

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


def owned(values: Any) -> Any:
    """Have each item that an iterable gives copied whole before the next one is asked for.

    The elements of a plain container exist at once; whatever else is iterated may fill one mapping
    again and again.
    """
    if is_container(values):
        return values
    return _owned(values) if isinstance(values, AsyncIterable) else map(copied, values)


async def _owned(values: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for value in values:
        yield copied(value)
