"""Conversion between chunks and their stored form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.journals.records import (
    OUTCOMES,
    ChunkRecord,
    PlannedChunk,
    StoredChunk,
    pack_positions,
    unpack_positions,
)
from smsworks_async.models.report import Outcome


T = TypeVar("T")


def pack_chunk(chunk: Chunk[T], payload: Payload[T]) -> PlannedChunk:
    """Return the stored form of a chunk."""
    return PlannedChunk(
        number=chunk.number,
        items=payload.pack(chunk.items),
        positions=pack_positions(chunk.positions),
        size=len(chunk.items),
        international=chunk.international,
        credits=chunk.credits,
    )


def unpack_chunk(claim: StoredChunk, payload: Payload[T], *, as_planned: bool = False) -> Chunk[T]:
    """Return a stored chunk with the recipients of its last request.

    Args:
        claim: the stored chunk.
        payload: the payload.
        as_planned: whether to include left-out recipients.
    """
    record = claim.record
    items, positions = payload.unpack(claim.items), unpack_positions(claim.positions)
    if record.excluded and not as_planned:
        left_out = set(unpack_positions(record.left_out))
        items, positions = _select(items, positions, lambda position: position not in left_out)
    return Chunk(
        record.number,
        items,
        positions,
        record.international,
        record.credits if as_planned else record.credits_requested,
        record.attempt,
        record.resent,
    )


def _select(
    items: Sequence[T], positions: Sequence[int], keep: Callable[[int], bool]
) -> tuple[list[T], list[int]]:
    kept = [pair for pair in zip(items, positions, strict=True) if keep(pair[1])]
    return [item for item, _ in kept], [position for _, position in kept]


class Group(NamedTuple, Generic[T]):
    """Recipients of one chunk that have the same outcome."""

    outcome: Outcome
    items: Sequence[T]
    positions: Sequence[int]

    def is_of(self, record: ChunkRecord) -> bool:
        """Return whether the group has the outcome of its chunk."""
        return self.outcome is OUTCOMES[record.state]


def groups(claim: StoredChunk, payload: Payload[T]) -> list[Group[T]]:
    """Return the recipients of a chunk, grouped by outcome.

    Recipients that its last request left out have opted out, unless they are in an earlier unknown
    request.
    """
    record = claim.record
    items, positions = payload.unpack(claim.items), unpack_positions(claim.positions)
    outcome = OUTCOMES[record.state]
    if not record.excluded or outcome is Outcome.NOT_SENT:
        return [Group(outcome, items, positions)]
    left_out = set(unpack_positions(record.left_out))
    opted_out = set(unpack_positions(record.opted_out))
    in_doubt = left_out - opted_out
    if outcome is Outcome.UNKNOWN:
        left_out, in_doubt = opted_out, set()
    found = [
        Group(outcome, *_select(items, positions, lambda position: position not in left_out)),
        Group(Outcome.UNKNOWN, *_select(items, positions, in_doubt.__contains__)),
        Group(Outcome.OPTED_OUT, *_select(items, positions, opted_out.__contains__)),
    ]
    return [group for group in found if group.items]


class LeavesOut(Generic[T]):
    """Tells a claim which positions of a chunk to leave out because of opt-outs.

    Args:
        payload: the payload.
        view: the opt-outs.
        is_inside: whether the list is in the journal itself, so that the claim refreshes the view.
    """

    def __init__(self, payload: Payload[T], view: OptOutView, *, is_inside: bool) -> None:
        self._payload = payload
        self._view = view
        self._is_inside = is_inside
        self.learn = view.learn

    @property
    def after(self) -> int | None:
        """The key of the last known change; None if the list is elsewhere."""
        return self._view.last if self._is_inside else None

    def positions(self, claim: StoredChunk) -> str:
        """Return the positions of a chunk whose recipients have opted out, packed."""
        view = self._view
        if view.is_empty:
            return ""
        numbers = self._payload.destinations(self._payload.unpack(claim.items))
        if not view.leaves_out(numbers):
            return ""
        positions = unpack_positions(claim.positions)
        pairs = zip(numbers, positions, strict=True)
        return pack_positions([position for number, position in pairs if view.is_out(number)])
