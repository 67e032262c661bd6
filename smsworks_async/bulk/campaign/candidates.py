"""The provider's messages that may belong to an unknown request.

A batch of one text has no marks, so it is searched for by its recipients: the messages to a few of
them from this sender have batch ids, and these batches are read. Messages with their own texts or
with a key have marks in their metadata, which are searched for first. `evidence` decides what the
results prove.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from smsworks_async import phone
from smsworks_async.bulk.campaign.evidence import (
    Candidate,
    Finding,
    Marks,
    Request,
    is_same_text,
    judge,
)
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.payloads import CAMPAIGN, POSITION
from smsworks_async.errors import NotFound, OutcomeUnknown
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.incoming import MessageRecord, ScheduledMessage
from smsworks_async.models.outgoing import KEY


#: A shown number with fewer digits is not complete.
_FEWEST_DIGITS: Final = 7
#: The metadata keys that identify the owner of a message.
_MARKS: Final = (CAMPAIGN, POSITION, KEY)


@attrs.frozen(kw_only=True)
class Probe:
    """A message of the request to search for.

    Attributes:
        destination: the recipient's number.
        sender: the sender ID.
        content: the text; None if it cannot be compared.
        marks: the metadata that identifies it; may be empty.
    """

    destination: str = attrs.field(repr=False)
    sender: str
    content: str | None = attrs.field(repr=False)
    marks: Mapping[str, str]

    def is_same_text(self, stored: str | None) -> bool:
        """Return whether a text is this message's, or cannot be compared."""
        return self.content is None or is_same_text(stored, self.content)


class MessageSearch:
    """Searches for the messages of unknown requests.

    Args:
        gateway: the API.
        is_held: returns whether a batch or message belongs to another request.
    """

    def __init__(self, gateway: BulkGateway, is_held: Callable[[str], Awaitable[bool]]) -> None:
        self._gateway = gateway
        self._is_held = is_held
        self._scheduled: Sequence[ScheduledMessage] | None = None

    async def read_scheduled(self) -> None:
        """Read the list of scheduled messages for the following searches.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        self._scheduled = await self._gateway.scheduled()

    async def look(
        self, probes: Sequence[Probe], request: Request, named: str | None
    ) -> tuple[Finding, Sequence[Candidate]]:
        """Search once; return the finding, and the candidates that may belong to the request.

        Args:
            probes: a few of the request's messages.
            request: the request.
            named: the batch or message id in the API's rejection of the request, or None.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        if named is not None:
            candidate = await self._named(named, request)
            if await self._examine(candidate, request) is Finding.FOUND:
                return Finding.FOUND, [candidate]
        candidates, request = await self._candidates(probes, request)
        if request.at is not None:
            candidates = merge_scheduled(
                candidates, await self._scheduled_candidates(probes[0], request)
            )
        findings = [await self._examine(one, request) for one in candidates]
        found = [
            one
            for one, finding in zip(candidates, findings, strict=True)
            if finding is Finding.FOUND
        ]
        if found:
            return Finding.FOUND, found
        # A message named in the response was created, even if it is not visible yet.
        return (Finding.TRACE if Finding.TRACE in findings or named else Finding.NOTHING), []

    async def _named(self, named: str, request: Request) -> Candidate:
        if not request.is_single:
            return Candidate(batch_id=named, is_named=True)
        try:
            record = await self._gateway.message(named)
        except NotFound:
            return Candidate(message_id=named, is_named=True)
        recipients = count_numbers([record.destination])
        return Candidate(message_id=named, is_named=True, recipients=recipients)

    async def _examine(self, candidate: Candidate, request: Request) -> Finding:
        """Judge a candidate, reading its batch if necessary."""
        batch_id = candidate.batch_id
        if candidate.known_as is not None:
            held = await self._is_held(candidate.known_as)
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

    async def _scheduled_candidates(self, probe: Probe, request: Request) -> list[Candidate]:
        """Return the scheduled messages to one of the recipients.

        Cancelled messages are omitted, since they are not sent.
        """
        if self._scheduled is None:
            await self.read_scheduled()
        found = []
        for job in self._scheduled or ():
            recipients = count_numbers(job.destinations)
            others = recipients is not None and recipients.keys().isdisjoint(request.recipients)
            if job.sender not in {None, probe.sender} or others:
                continue
            if job.status != "CANCELLED":
                found.append(_scheduled_candidate(job, probe, recipients))
        return found

    async def _candidates(
        self, probes: Sequence[Probe], request: Request
    ) -> tuple[list[Candidate], Request]:
        """Search for the probes; return also whether marks are decisive."""
        own: set[str] = set()  # messages with the mark of their position
        marked = any(probe.marks for probe in probes)
        for probe in probes:
            if probe.marks:
                bearing = [record async for record in self._search(probe, request, probe.marks)]
                if bearing and await self._ignores_marks(probe, request):
                    marked = False
                    own.clear()
                    break
                own.update(record.message_id for record in bearing)
        sightings: list[Candidate] = []
        for probe in probes:
            async for record in self._search(probe, request):
                shown = _compare_marks(record, probe.marks)
                if shown is Marks.NONE and record.message_id in own:
                    shown = Marks.OWN
                if request.at is None or record.status != "CANCELLED":
                    sightings.append(_candidate(record, probe, shown))
        return _by_batch(sightings), attrs.evolve(request, marked=marked)

    def _search(
        self, probe: Probe, request: Request, marks: Mapping[str, str] | None = None
    ) -> AsyncIterator[MessageRecord]:
        more: dict[str, Any] = {} if marks is None else {"metadata": marks}
        since = request.since if request.searched_since is None else request.searched_since
        return self._gateway.iterate(
            destination=probe.destination,
            sender=probe.sender,
            from_=datetime.fromtimestamp(max(since, 0.0), UTC),
            **more,
        )

    async def _ignores_marks(self, probe: Probe, request: Request) -> bool:
        """Search for random marks: a result shows that the search ignores marks."""
        nobody = f"nobody-{uuid.uuid4().hex}"
        for name in probe.marks:  # each separately: the search may ignore only some of them
            wrong = {**probe.marks, name: nobody}
            if [record async for record in self._search(probe, request, wrong)]:
                return True
        return False


def _candidate(record: MessageRecord, probe: Probe, marks: Marks) -> Candidate:
    return Candidate(
        batch_id=record.batch_id,
        message_id=record.message_id,
        created=None if record.created is None else record.created.timestamp(),
        marks=marks,
        same_text=probe.is_same_text(record.content),
        recipients=None if record.batch_id else count_numbers([record.destination]),
    )


def _scheduled_candidate(
    job: ScheduledMessage, probe: Probe, recipients: Mapping[str, int] | None
) -> Candidate:
    return Candidate(
        batch_id=job.message_id if job.batch else None,
        message_id=None if job.batch else job.message_id,
        same_text=probe.is_same_text(job.content),
        recipients=recipients,
        at=None if job.schedule is None else job.schedule.timestamp(),
    )


def count_numbers(destinations: Iterable[str | None]) -> Mapping[str, int] | None:
    """Return the count of each number among destinations; None if one is not visible."""
    numbers = [phone.digits_of(destination) for destination in destinations]
    if any(len(number) < _FEWEST_DIGITS for number in numbers):
        return None  # masked or missing
    return Counter(numbers)


def merge_scheduled(
    candidates: Sequence[Candidate], scheduled: Sequence[Candidate]
) -> list[Candidate]:
    """Merge scheduled messages with the results of a search, without duplicates."""
    listed = {one.known_as: one for one in scheduled if one.known_as is not None}
    merged = [
        attrs.evolve(
            one,
            recipients=listed[one.known_as].recipients,
            at=listed[one.known_as].at,
            same_text=one.same_text and listed[one.known_as].same_text,
        )
        if one.known_as in listed
        else one
        for one in candidates
    ]
    known = {one.known_as for one in candidates}
    return merged + [one for one in scheduled if one.known_as is None or one.known_as not in known]


def _by_batch(sightings: Sequence[Candidate]) -> list[Candidate]:
    """Merge the candidates of each batch; one different text makes the batch's text different."""
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
    """Return whose marks a record has; providers may not return any."""
    shown = {key: record.metadata[key] for key in _MARKS if key in record.metadata}
    if not shown:
        return Marks.NONE
    return Marks.OWN if shown == marks else Marks.ANOTHERS


def named_by_the_answer(entry: ChunkRecord) -> str | None:
    """Return the batch or message id in the API's rejection of a chunk, or None."""
    if not isinstance(entry.error, OutcomeUnknown):
        return None
    error: Any = entry.error
    return getattr(error, "batch_id", None) or getattr(error, "message_id", None)
