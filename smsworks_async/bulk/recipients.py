"""Reading of recipients: validation, deduplication and chunking. None is dropped silently."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Sequence,
)
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.repeats import Seen
from smsworks_async.errors import ValidationError
from smsworks_async.models.iterables import copied, is_container
from smsworks_async.models.report import Problem, Reason


T = TypeVar("T")

#: The number of recipients read at a time.
SLICE: Final = 500


class Reader(Generic[T]):
    """Validates recipients in slices, and puts them into chunks.

    Numbers outside the UK go in separate chunks, so that no other recipient is affected if the
    account is not enabled for them.

    Args:
        payload: the payload.
        chunk_size: the recipients per chunk.
        deduplicate: whether duplicates are excluded.
    """

    def __init__(self, payload: Payload[T], chunk_size: int, *, deduplicate: bool) -> None:
        self._payload = payload
        self._size = chunk_size
        self._seen = Seen() if deduplicate else None
        # Items that do not fill a chunk yet and their positions, outside the UK (True) and inside.
        self._buffers: dict[bool, tuple[Sequence[T], Sequence[int]]] = dict.fromkeys(
            (True, False), ((), ())
        )
        #: The number of chunks so far, which is the number of the next one.
        self.chunks = 0
        self.read = 0
        self.problems: list[Problem] = []
        self.set_aside = dict.fromkeys(Reason, 0)

    def feed(self, values: Sequence[Any]) -> Iterator[Chunk[T]]:
        """Read a slice, and yield the chunks that it fills."""
        before = len(self.problems)
        items, positions = self._parse(values)
        self.read += len(values)
        if self._seen is not None:
            items, positions = self._without_repeats(self._seen, items, positions, values)
        self.problems[before:] = sorted(self.problems[before:], key=lambda one: one.position)
        outside = self._payload.international(items)
        if outside:
            self._buffer(True, [items[i] for i in outside], [positions[i] for i in outside])
            out = frozenset(outside)
            home = [index for index in range(len(items)) if index not in out]
            items, positions = [items[i] for i in home], [positions[i] for i in home]
        self._buffer(False, items, positions)
        for international in (False, True):
            while len(self._buffers[international][0]) >= self._size:
                yield self._chunk(international)

    def flush(self) -> Iterator[Chunk[T]]:
        """Yield chunks of the remaining recipients."""
        for international in (False, True):
            if self._buffers[international][0]:
                yield self._chunk(international)

    def _parse(self, values: Sequence[Any]) -> tuple[list[T], Sequence[int]]:
        """Validate each value; return the valid items with their positions."""
        if self._payload.are_items(values):
            return list(values), range(self.read, self.read + len(values))
        items: list[T] = []
        bad: set[int] = set()
        parsed = map(self._payload.parse, values)
        while (done := len(items) + len(bad)) < len(values):
            error: Exception = RuntimeError("it stopped an iteration")
            try:
                items.extend(parsed)
            except Exception as raised:  # any error concerns only this recipient
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
        self, seen: Seen, items: list[T], positions: Sequence[int], values: Sequence[Any]
    ) -> tuple[list[T], Sequence[int]]:
        new = seen.add(self._payload.keys(items))
        if new is None:
            return items, positions
        first = self.read - len(values)
        for index in sorted(set(range(len(items))).difference(new)):
            at = positions[index]
            self._set_aside(at, values[at - first], Reason.DUPLICATE)
        return [items[i] for i in new], [positions[i] for i in new]

    def _buffer(self, international: bool, items: Sequence[T], positions: Sequence[int]) -> None:
        before, at = self._buffers[international]
        # A slice that is exactly a chunk, as most are, is not copied, and its positions are a
        # range.
        self._buffers[international] = (
            ([*before, *items], [*at, *positions]) if before else (items, positions)
        )

    def _chunk(self, international: bool) -> Chunk[T]:
        items, positions = self._buffers[international]
        size = self._size
        self._buffers[international] = (items[size:], positions[size:])
        items, positions = items[:size], positions[:size]
        number, self.chunks = self.chunks, self.chunks + 1
        credits = self._payload.credits(items, international=international)
        return Chunk(number, items, positions, international, credits)

    def _set_aside(
        self, position: int, value: object, reason: Reason, error: Exception | None = None
    ) -> None:
        self.set_aside[reason] += 1
        if error is None:
            problem = Problem(position, value, reason, "duplicate of an earlier recipient")
        elif not isinstance(error, ValidationError):
            problem = Problem(position, value, reason, f"unreadable: {type(error).__name__}")
        else:
            problem = Problem(position, value, reason, str(error), error.field, error.code)
        self.problems.append(problem)


async def slices(values: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Sequence[Any]]:
    """Read an iterable or async iterable in slices.

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
                gathered.extend(islice(source, SLICE))  # keeps the items before an exception
                if len(gathered) < SLICE:
                    break
                yield gathered
    except Exception:
        if gathered:
            yield gathered
        raise
    if gathered:
        yield gathered


def copy_each(values: Any) -> Any:
    """Deep-copy each item of an iterable before the next one is requested.

    Plain containers need no copies; other iterables may reuse one mapping for all items.
    """
    if is_container(values):
        return values
    return _copy_each(values) if isinstance(values, AsyncIterable) else map(copied, values)


async def _copy_each(values: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for value in values:
        yield copied(value)
