"""The outcome of every recipient of a campaign, read from its journal in pages."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from pathlib import Path
from typing import IO, Any, Final

import attrs

from smsworks_async._csv_files import neutralised, written_whole
from smsworks_async.bulk.campaign.packing import groups
from smsworks_async.bulk.chunk import Payload
from smsworks_async.errors import APIError, ValidationError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import OUTCOMES, ChunkRecord, State
from smsworks_async.models.report import Outcome, RecipientOutcome


_COLUMNS: Final = tuple(attribute.name for attribute in attrs.fields(RecipientOutcome))


async def _entries(journal: Journal, campaign: str) -> AsyncGenerator[ChunkRecord]:
    after = -1
    while page := await journal.chunks(campaign, after):
        for entry in page:
            yield entry
        after = page[-1].number


async def recipients(
    journal: Journal, campaign: str, payload: Payload[Any]
) -> AsyncGenerator[RecipientOutcome]:
    """Yield every recipient once: those in chunks, then the excluded ones."""
    later: dict[int, RecipientOutcome] = {}
    if (await journal.summary(campaign)).campaign.round:
        async for entry in _entries(journal, campaign):
            if entry.round and entry.state is not State.SPLIT:
                later |= {
                    row.position: row for row in await rows_of(journal, campaign, payload, entry)
                }
    async for entry in _entries(journal, campaign):
        if not entry.round and entry.state is not State.SPLIT:
            for row in await rows_of(journal, campaign, payload, entry):
                yield later.get(row.position, row)
    after = -1
    while page := await journal.problems(campaign, after):
        for problem in page:
            yield RecipientOutcome(
                position=problem.position,
                destination=_written(problem.value),
                outcome=problem.reason.value,
                code=problem.code,
                reason=problem.message,
            )
        after = page[-1].position


def _written(value: Any) -> str:
    value = value.get("destination", value) if isinstance(value, dict) else value
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _reason(outcome: Outcome, entry: ChunkRecord) -> str:
    if outcome is Outcome.OPTED_OUT:
        return "opted out"
    if outcome is OUTCOMES[entry.state]:
        return "" if entry.error is None else str(entry.error)
    return "an earlier attempt may have been accepted"


async def rows_of(
    journal: Journal, campaign: str, payload: Any, entry: ChunkRecord
) -> list[RecipientOutcome]:
    """Return the recipients of one chunk with their outcomes."""
    claim = await journal.read_chunk(campaign, entry.number)
    refused = entry.error if isinstance(entry.error, APIError) else None
    return [
        RecipientOutcome(
            position=position,
            destination=payload.destination(item),
            outcome=group.outcome.value,
            batch_id=entry.batch_id if group.is_of(entry) else None,
            code=None if refused is None or not group.is_of(entry) else refused.code,
            reason=_reason(group.outcome, entry),
            round=entry.round,
        )
        for group in groups(claim, payload)
        for position, item in zip(group.positions, group.items, strict=True)
    ]


def _as_csv(file: IO[str]) -> Callable[[RecipientOutcome], object]:
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    return lambda row: writer.writerow(map(neutralised, attrs.astuple(row)))


def _as_json_lines(file: IO[str]) -> Callable[[RecipientOutcome], object]:
    return lambda row: file.write(json.dumps(attrs.asdict(row)) + "\n")


_FORMATS: Final = {".csv": _as_csv, ".jsonl": _as_json_lines}


async def write(rows: AsyncIterable[RecipientOutcome], to: str | os.PathLike[str]) -> int:
    """Write rows to a file atomically; return their number.

    Raises:
        ValidationError: the file's ending is neither ``.csv`` nor ``.jsonl``.
        OSError: the file cannot be written.
    """
    path = Path(to)
    form = _FORMATS.get(path.suffix)
    if form is None:
        raise ValidationError("to must be a file that ends in .csv or .jsonl", field="to")
    count = 0
    with written_whole(path) as file:
        put = form(file)
        async for row in rows:
            put(row)
            count += 1
    return count
