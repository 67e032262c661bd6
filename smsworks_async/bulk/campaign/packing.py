"""Chunks as a journal stores them."""

from __future__ import annotations

from typing import TypeVar

from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.journals.records import (
    PlannedChunk,
    StoredChunk,
    pack_positions,
    unpack_positions,
)


T = TypeVar("T")


def pack_chunk(chunk: Chunk[T], payload: Payload[T]) -> PlannedChunk:
    """Return a chunk as a journal stores it."""
    return PlannedChunk(
        number=chunk.number,
        items=payload.pack(chunk.items),
        positions=pack_positions(chunk.positions),
        size=len(chunk.items),
        international=chunk.international,
        credits=chunk.credits,
    )


def unpack_chunk(claim: StoredChunk, payload: Payload[T]) -> Chunk[T]:
    """Return a chunk that a journal has stored."""
    entry = claim.record
    return Chunk(
        entry.number,
        payload.unpack(claim.items),
        unpack_positions(claim.positions),
        entry.international,
        entry.credits,
        entry.attempt,
        entry.resent,
    )
