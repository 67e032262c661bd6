"""Searching for a chunk whose outcome is unknown among the provider's messages.

A batch of one text carries no mark of ours, so that it is looked for by its recipients: the
messages to a few of them from this sender name batches, which are read. Messages that have texts
of their own carry marks in their metadata, which are searched for first. `evidence` decides what
that proves.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async import phone
from smsworks_async.bulk.campaign.evidence import (
    Candidate,
    Finding,
    Marks,
    Request,
    is_same_text,
    judge,
    window,
)
from smsworks_async.bulk.campaign.packing import unpack_chunk
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.payloads import CAMPAIGN, POSITION
from smsworks_async.bulk.timer import request_time
from smsworks_async.errors import NotFound, OutcomeUnknown
from smsworks_async.journals import Journal
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.incoming import MessageRecord, ScheduledMessage


T = TypeVar("T")

#: What has fewer digits is no whole number.
_FEWEST_DIGITS: Final = 7


class ChunkSearch(Generic[T]):
    """Searches for the chunks of a campaign.

    Args:
        journal: where the campaign is.
        campaign: its id.
        payload: what it sends.
        gateway: the API.
        at: when the messages of its first round are due, in POSIX seconds; None for at once.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        payload: Payload[T],
        gateway: BulkGateway,
        at: float | None = None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._gateway = gateway
        self._at = at
        self._scheduled: Sequence[ScheduledMessage] | None = None

    async def read_scheduled(self) -> None:
        """Read the list of scheduled messages, for the looks that follow.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        if self._at is not None:
            self._scheduled = await self._gateway.scheduled()

    async def look(self, entry: ChunkRecord) -> Finding:
        """Search for one chunk, once, and accept it where its batch is found.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        chunk = unpack_chunk(
            await self._journal.read_chunk(self._campaign, entry.number), self._payload
        )
        theirs, ours = await self._gateway.now(), await self._journal.now()
        since, until = window(
            entry,
            began=await self._began(entry),
            request_time=request_time(self._gateway.timeout),
            ahead=0.0 if theirs is None else theirs - ours,
        )
        request = Request(
            recipients=Counter(map(self._payload.destination, chunk.items)),
            since=since,
            until=until,
            at=None if entry.round else self._at,
        )
        named = _named_by_the_answer(entry)
        if named is not None:
            candidate = Candidate(batch_id=named, is_named=True)
            if await self._examine(candidate, request) is Finding.FOUND:
                return await self._accept(entry, [candidate])
        candidates, request = await self._candidates(chunk, request)
        if request.at is not None:
            scheduled = await self._scheduled_candidates(chunk, request)
            candidates = merge_scheduled(candidates, scheduled)
        findings = [await self._examine(one, request) for one in candidates]
        found = [
            one
            for one, finding in zip(candidates, findings, strict=True)
            if finding is Finding.FOUND
        ]
        if found:
            return await self._accept(entry, found)
        # What the answer has named was made, whether or not it can be seen yet.
        return Finding.TRACE if Finding.TRACE in findings or named else Finding.NOTHING

    async def _began(self, entry: ChunkRecord) -> float | None:
        """Return when the campaign began, where the chunk may have been sent at any time since."""
        if not entry.restored:
            return entry.began
        return (await self._journal.summary(self._campaign)).campaign.created

    async def _accept(self, entry: ChunkRecord, found: Sequence[Candidate]) -> Finding:
        """Accept a chunk with the first of the batches that may be its own."""
        first = found[0].batch_id
        if first is None:  # a batch without an id is never found
            raise AssertionError
        taken = await self._journal.confirm_found(
            self._campaign, entry.number, entry.attempt, first, others=len(found) - 1
        )
        # Otherwise it may be another chunk's that is in doubt, or this one has moved on.
        return Finding.FOUND if taken else Finding.TRACE

    async def _examine(self, candidate: Candidate, request: Request) -> Finding:
        """Judge a candidate, reading its batch where that matters."""
        batch_id = candidate.batch_id
        if batch_id is not None:
            held = await self._journal.has_batch(self._campaign, batch_id)
            candidate = attrs.evolve(candidate, is_held=held)
        finding = judge(candidate, request)
        if finding is Finding.TRACE and batch_id is not None and candidate.recipients is None:
            recipients = await self._recipients(batch_id)
            finding = judge(attrs.evolve(candidate, recipients=recipients), request)
        return finding

    async def _recipients(self, batch_id: str) -> Mapping[str, int] | None:
        try:
            records = await self._gateway.get(batch_id)
        except NotFound:
            return None
        return count_numbers([record.destination for record in records])

    async def _scheduled_candidates(self, chunk: Chunk[T], request: Request) -> list[Candidate]:
        """Return the batches on the list of scheduled messages that go to one of the recipients.

        One that was cancelled texts nobody, and is left out.
        """
        if self._scheduled is None:
            await self.read_scheduled()
        item, found = chunk.items[0], []
        for job in self._scheduled or ():
            recipients = count_numbers(job.destinations)
            others = recipients is not None and recipients.keys().isdisjoint(request.recipients)
            if job.sender not in {None, self._payload.sender(item)} or others:
                continue
            if job.status != "CANCELLED":
                found.append(self._scheduled_candidate(job, item, recipients))
        return found

    def _scheduled_candidate(
        self, job: ScheduledMessage, item: T, recipients: Mapping[str, int] | None
    ) -> Candidate:
        return Candidate(
            batch_id=job.message_id if job.batch else None,
            same_text=self._is_same_text(job.content, item),
            recipients=recipients,
            at=None if job.schedule is None else job.schedule.timestamp(),
        )

    async def _candidates(
        self, chunk: Chunk[T], request: Request
    ) -> tuple[list[Candidate], Request]:
        """Search for the messages to a few recipients, and say whether marks decide."""
        size = len(chunk.items)
        probes = [
            (chunk.items[index], self._payload.marks(chunk.positions[index]))
            for index in sorted({0, size // 2, size - 1})
        ]
        own: set[str] = set()  # messages that bear the mark of their position
        marked = any(marks for _, marks in probes)
        for item, marks in probes:
            if marks:
                bearing = [record async for record in self._search(item, request, marks)]
                if bearing and await self._ignores_marks(item, request, marks):
                    marked = False
                    own.clear()
                    break
                own.update(record.message_id for record in bearing)
        sightings: list[Candidate] = []
        for item, marks in probes:
            async for record in self._search(item, request):
                shown = _compare_marks(record, marks)
                if shown is Marks.NONE and record.message_id in own:
                    shown = Marks.OWN
                if request.at is None or record.status != "CANCELLED":
                    sightings.append(self._candidate(record, item, shown))
        return _by_batch(sightings), attrs.evolve(request, marked=marked)

    def _search(
        self, item: T, request: Request, marks: Mapping[str, str] | None = None
    ) -> AsyncIterator[MessageRecord]:
        more: dict[str, Any] = {} if marks is None else {"metadata": marks}
        return self._gateway.iterate(
            destination=self._payload.destination(item),
            sender=self._payload.sender(item),
            from_=datetime.fromtimestamp(max(request.since, 0.0), UTC),
            **more,
        )

    async def _ignores_marks(self, item: T, request: Request, marks: Mapping[str, str]) -> bool:
        """Search for marks that no message has: a result shows that the search ignores marks."""
        nobody = f"nobody-{uuid.uuid4().hex}"
        for name in marks:  # each by itself: it may look at one of them alone
            wrong = {**marks, name: nobody}
            if [record async for record in self._search(item, request, wrong)]:
                return True
        return False

    def _candidate(self, record: MessageRecord, item: T, marks: Marks) -> Candidate:
        created = None if record.created is None else record.created.timestamp()
        same = self._is_same_text(record.content, item)
        return Candidate(batch_id=record.batch_id, created=created, marks=marks, same_text=same)

    def _is_same_text(self, stored: str | None, item: T) -> bool:
        """Return whether a text is an item's, or cannot be compared."""
        return self._payload.may_be_reworded(item) or is_same_text(
            stored, self._payload.content(item)
        )


def count_numbers(destinations: Iterable[str | None]) -> Mapping[str, int] | None:
    """Return how often each number is among destinations; None where one of them is not shown."""
    numbers = [phone.digits_of(destination) for destination in destinations]
    if any(len(number) < _FEWEST_DIGITS for number in numbers):
        return None  # masked, or missing: it is not known who that is
    return Counter(numbers)


def merge_scheduled(
    candidates: Sequence[Candidate], scheduled: Sequence[Candidate]
) -> list[Candidate]:
    """Add what the list of scheduled messages shows to what a search has found; each batch once."""
    listed = {one.batch_id: one for one in scheduled if one.batch_id is not None}
    merged = [
        attrs.evolve(
            one,
            recipients=listed[one.batch_id].recipients,
            at=listed[one.batch_id].at,
            same_text=one.same_text and listed[one.batch_id].same_text,
        )
        if one.batch_id in listed
        else one
        for one in candidates
    ]
    known = {one.batch_id for one in candidates}
    return merged + [one for one in scheduled if one.batch_id is None or one.batch_id not in known]


def _by_batch(sightings: Sequence[Candidate]) -> list[Candidate]:
    """Merge what was seen of each batch: one text that differs makes it another text."""
    batches: dict[str, Candidate] = {}
    alone: list[Candidate] = []
    for seen in sightings:
        if seen.batch_id is None:
            alone.append(seen)
            continue
        known = batches.setdefault(seen.batch_id, seen)
        marks = {known.marks, seen.marks}
        batches[seen.batch_id] = attrs.evolve(
            known,
            same_text=known.same_text and seen.same_text,
            marks=next((m for m in (Marks.ANOTHERS, Marks.OWN) if m in marks), Marks.NONE),
            created=None if None in {known.created, seen.created} else known.created,
        )
    return [*batches.values(), *alone]


def _compare_marks(record: MessageRecord, marks: Mapping[str, str]) -> Marks:
    """Return whose marks a record shows; providers may show none."""
    shown = {key: record.metadata[key] for key in (CAMPAIGN, POSITION) if key in record.metadata}
    if not shown:
        return Marks.NONE
    return Marks.OWN if shown == marks else Marks.ANOTHERS


def _named_by_the_answer(entry: ChunkRecord) -> str | None:
    """Return the batch that the API named in an answer which refused it."""
    if not isinstance(entry.error, OutcomeUnknown):
        return None
    error: Any = entry.error
    return getattr(error, "batch_id", None) or getattr(error, "message_id", None)
