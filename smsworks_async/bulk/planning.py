"""Planning: all recipients are read, checked and put into chunks before one of them is sent to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Any, Final, TypeVar

from smsworks_async.bulk.journals import Journal
from smsworks_async.bulk.journals.records import (
    Claim,
    PlannedChunk,
    Totals,
    pack_positions,
    unpack_positions,
)
from smsworks_async.bulk.recipients import Chunk, Kind, Reader, slices
from smsworks_async.bulk.report import BulkReport, Reason
from smsworks_async.errors import BulkInterrupted


T = TypeVar("T")

#: How many chunks, or problems, are planned in one transition.
_CHUNKS: Final = 50
_PROBLEMS: Final = 5000


def packed(chunk: Chunk[T], kind: Kind[T]) -> PlannedChunk:
    """Make a chunk fit for a journal."""
    return PlannedChunk(
        number=chunk.number,
        items=kind.pack(chunk.items),
        positions=pack_positions(chunk.positions),
        size=len(chunk.items),
        abroad=chunk.abroad,
        credits=chunk.credits,
    )


def unpacked(claim: Claim, kind: Kind[T]) -> Chunk[T]:
    """Read a chunk out of a journal."""
    entry = claim.entry
    return Chunk(
        entry.number,
        kind.unpack(claim.items),
        unpack_positions(claim.positions),
        entry.abroad,
        entry.credits,
        entry.attempt,
        entry.resent,
    )


async def plan(
    journal: Journal,
    campaign: str,
    kind: Kind[T],
    values: Iterable[Any] | AsyncIterable[Any],
    reader: Reader[T],
) -> None:
    """Read recipients into a journal, or see that they are those that it has.

    It can be stopped anywhere, and done again from the start: what is there already is compared.

    Raises:
        ValidationError: others are there.
        BulkInterrupted: the iterable raised; what came before that is in the journal.
    """
    waiting: list[PlannedChunk] = []

    async def write() -> None:
        problems, reader.problems = reader.problems, []
        chunks = waiting.copy()
        waiting.clear()
        await journal.plan(campaign, chunks, problems)

    source = slices(values)
    while True:
        try:
            some = await anext(source, None)
        except Exception as error:
            await write()
            raise _interrupted(error, reader) from error
        if some is None:
            break
        waiting.extend(packed(chunk, kind) for chunk in reader.take(some))
        if len(waiting) >= _CHUNKS or len(reader.problems) >= _PROBLEMS:
            await write()
        await asyncio.sleep(0)
    waiting.extend(packed(chunk, kind) for chunk in reader.finish())
    await write()
    totals = Totals(read=reader.read, set_aside=reader.set_aside.copy(), chunks=reader.chunks)
    await journal.planned(campaign, totals)


def _interrupted(error: Exception, reader: Reader[Any]) -> BulkInterrupted:
    invalid, duplicates = reader.set_aside[Reason.INVALID], reader.set_aside[Reason.DUPLICATE]
    return BulkInterrupted(
        f"planning was interrupted by {type(error).__name__}, and nobody was sent to; with the "
        "whole list it goes on where it was",
        report=BulkReport(
            read=reader.read,
            not_sent=reader.read - invalid - duplicates,
            invalid=invalid,
            duplicates=duplicates,
        ),
    )
