"""Reconciling: looking for what is in doubt among what the provider has.

A batch of one text carries no mark of ours, so that it is looked for by its recipients: the
messages to a few of them from this sender name batches, which are read. Messages that have texts
of their own carry marks in their metadata, which are searched for first. `evidence` decides what
that proves. Finding nothing proves nothing, since a search may lag behind.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
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
from smsworks_async.bulk.campaign.plan import unpacked
from smsworks_async.bulk.campaign.waits import LONGEST_WAIT, Timer, request_time, until_resend
from smsworks_async.bulk.gateway import Provider
from smsworks_async.bulk.payloads import CAMPAIGN, POSITION
from smsworks_async.bulk.progress import Reporter, log
from smsworks_async.bulk.recipients import Chunk, Kind
from smsworks_async.errors import NotFound, OutcomeUnknown, SMSWorksError
from smsworks_async.journals import Journal, transitions
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import Phase


T = TypeVar("T")

#: When to look again, as parts of the time to settle: soon at first, since most lags are short.
LOOKS: Final = (0.0, 1 / 15, 3 / 15, 7 / 15, 1.0)
#: What has fewer digits is no whole number.
_FEWEST_DIGITS: Final = 7
#: How often a wait is made up for that ended early.
_NAPS: Final = 3
#: How many chunks are looked for at a time.
_AT_A_TIME: Final = 4


class Reconciler(Generic[T]):
    """Looks for the chunks of a campaign that are in doubt.

    Args:
        journal: where the campaign is.
        campaign: its id.
        kind: what it sends.
        provider: whom it asks.
        timer: how to wait.
        reporter: tells what it is doing.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        kind: Kind[T],
        provider: Provider,
        timer: Timer | None = None,
        *,
        reporter: Reporter | None = None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._kind = kind
        self._provider = provider
        self._timer = timer or Timer()
        self._reporter = reporter or Reporter(None, self._timer)
        self._traced: set[tuple[int, int]] = set()
        # Since when this process has known each of them to be in doubt.
        self._first_seen: dict[tuple[int, int], float] = {}

    async def settle(self, seconds: float) -> list[ChunkRecord]:
        """Look for all that is in doubt, several times within so many seconds.

        Returns:
            The chunks of which every look has shown nothing at all: those that may be resent by
            somebody who takes that risk. Chunks with a trace, and chunks that could not be looked
            for, stay in doubt.
        """
        nothing: Counter[tuple[int, int]] = Counter()
        passed = 0.0
        looks = LOOKS if seconds else LOOKS[:1]
        for part in looks:
            if part:
                if not await self._doubts():
                    return []
                await self._reporter.sleep(
                    part * seconds - passed, Phase.RECONCILING, "the provider's search to catch up"
                )
                passed = part * seconds
            for entry, finding in await self._look_for(await self._doubts()):
                nothing[entry.number, entry.attempt] += finding is Finding.NOTHING
        left = await self._doubts()
        return [e for e in left if nothing[e.number, e.attempt] == len(looks)]

    async def rule_out(self, entries: Sequence[ChunkRecord], seconds: float) -> list[ChunkRecord]:
        """Wait until requests in doubt can no longer be accepted, and look a last time.

        Whoever claimed them may have written until the lease was over, and what was written is
        accepted within one request's time. Only then the last looks begin, and they take so many
        seconds again, since what was accepted last may show up as late as that.

        Args:
            entries: the chunks.
            seconds: how long a search may lag behind.

        Returns:
            Those of which nothing at all was found. A lease of which a clock was far ahead is not
            waited for: its chunk is none of them.
        """
        if not entries:
            return []
        for _ in range(_NAPS):
            left = [await self._left(entry) for entry in entries]
            longest = max((wait for wait in left if wait <= LONGEST_WAIT), default=0.0)
            if not longest:
                break
            await self._reporter.sleep(
                longest,
                Phase.WAITING_TO_RESEND,
                "requests in doubt, which may still be accepted",
            )
        nothing = {(entry.number, entry.attempt) for entry in await self.settle(seconds)}
        return [
            entry
            for entry in entries
            if (entry.number, entry.attempt) in nothing and not await self._left(entry)
        ]

    async def _left(self, entry: ChunkRecord) -> float:
        key = (entry.number, entry.attempt)
        watched = self._timer.monotonic() - self._first_seen[key]
        now = await self._journal.now()
        own = request_time(self._provider.timeout)
        return until_resend(entry, watched=watched, now=now, own=own)

    async def _doubts(self) -> Sequence[ChunkRecord]:
        await self._journal.expire_leases(self._campaign)
        doubts = await self._journal.unknown_chunks(self._campaign)
        now = self._timer.monotonic()
        for entry in doubts:
            key = (entry.number, entry.attempt)
            if key not in self._first_seen:
                self._first_seen[key] = now
                ended = ": its lease ended" if transitions.has_lapsed(entry) else ""
                log.warning(
                    "campaign %s: chunk %d of %d recipients is in doubt%s",
                    *(self._campaign, entry.number, entry.size, ended),
                )
        return doubts

    async def _look_for(self, doubts: Sequence[ChunkRecord]) -> list[tuple[ChunkRecord, Finding]]:
        findings: list[tuple[ChunkRecord, Finding]] = []
        if doubts:
            await self._reporter.enter(Phase.RECONCILING)
        for start in range(0, len(doubts), _AT_A_TIME):
            some = doubts[start : start + _AT_A_TIME]
            found = await self._reporter.gather(map(self.look, some))
            for entry, finding in zip(some, found, strict=True):
                if isinstance(finding, SMSWorksError):
                    findings.append((entry, Finding.TRACE))
                elif isinstance(finding, BaseException):
                    raise finding
                else:
                    findings.append((entry, finding))
                    self._log_trace(entry, finding)
            if any(isinstance(finding, SMSWorksError) for finding in found):
                # The provider cannot be asked: that is so for the others, too.
                findings.extend((entry, Finding.TRACE) for entry in doubts[start + _AT_A_TIME :])
                break
        return findings

    def _log_trace(self, entry: ChunkRecord, finding: Finding) -> None:
        key = (entry.number, entry.attempt)
        if finding is Finding.TRACE and key not in self._traced:
            self._traced.add(key)
            log.warning(
                "campaign %s: chunk %d has left a trace, and stays unknown unless it is found",
                *(self._campaign, entry.number),
            )

    async def look(self, entry: ChunkRecord) -> Finding:
        """Look for one chunk, once, and accept it where its batch is found.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        chunk = unpacked(await self._journal.read_chunk(self._campaign, entry.number), self._kind)
        theirs, ours = await self._provider.now(), await self._journal.now()
        since, until = window(
            entry,
            began=await self._began(entry),
            request_time=request_time(self._provider.timeout),
            ahead=0.0 if theirs is None else theirs - ours,
        )
        request = Request(
            recipients=Counter(map(self._kind.destination, chunk.items)), since=since, until=until
        )
        named = _named_by_the_answer(entry)
        if named is not None:
            candidate = Candidate(batch_id=named, is_named=True)
            if await self._examine(candidate, request) is Finding.FOUND:
                return await self._accept(entry, [candidate])
        candidates, request = await self._candidates(chunk, request)
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
        if finding is Finding.TRACE and batch_id is not None:
            recipients = await self._recipients(batch_id)
            finding = judge(attrs.evolve(candidate, recipients=recipients), request)
        return finding

    async def _recipients(self, batch_id: str) -> Mapping[str, int] | None:
        try:
            records = await self._provider.get(batch_id)
        except NotFound:
            return None
        numbers = [phone.digits_of(record.destination) for record in records]
        if any(len(number) < _FEWEST_DIGITS for number in numbers):
            return None  # masked, or missing: it is not known who that is
        return Counter(numbers)

    async def _candidates(
        self, chunk: Chunk[T], request: Request
    ) -> tuple[list[Candidate], Request]:
        """Search for the messages to a few recipients, and say whether marks decide."""
        size = len(chunk.items)
        probes = [
            (chunk.items[index], self._kind.identity(chunk.positions[index]))
            for index in sorted({0, size // 2, size - 1})
        ]
        own: set[str] = set()  # messages that bear the mark of their position
        marked = any(identity for _, identity in probes)
        for item, identity in probes:
            if identity:
                bearing = [record async for record in self._search(item, request, identity)]
                if bearing and await self._ignores_marks(item, request, identity):
                    marked = False
                    own.clear()
                    break
                own.update(record.message_id for record in bearing)
        sightings: list[Candidate] = []
        for item, identity in probes:
            async for record in self._search(item, request):
                marks = _marks(record, identity)
                if marks is Marks.NONE and record.message_id in own:
                    marks = Marks.OWN
                sightings.append(self._candidate(record, item, marks))
        return _by_batch(sightings), attrs.evolve(request, marked=marked)

    def _search(
        self, item: T, request: Request, marks: Mapping[str, str] | None = None
    ) -> AsyncIterator[MessageRecord]:
        more: dict[str, Any] = {} if marks is None else {"metadata": marks}
        return self._provider.iterate(
            destination=self._kind.destination(item),
            sender=self._kind.sender(item),
            from_=datetime.fromtimestamp(max(request.since, 0.0), UTC),
            **more,
        )

    async def _ignores_marks(self, item: T, request: Request, identity: Mapping[str, str]) -> bool:
        """Ask for marks that nobody has: an answer to that shows that marks prove nothing."""
        nobody = f"nobody-{uuid.uuid4().hex}"
        for name in identity:  # each by itself: it may look at one of them alone
            marks = {**identity, name: nobody}
            if [record async for record in self._search(item, request, marks)]:
                return True
        return False

    def _candidate(self, record: MessageRecord, item: T, marks: Marks) -> Candidate:
        same = self._kind.may_be_reworded(item) or is_same_text(
            record.content, self._kind.content(item)
        )
        created = None if record.created is None else record.created.timestamp()
        return Candidate(batch_id=record.batch_id, created=created, marks=marks, same_text=same)


def _by_batch(sightings: Sequence[Candidate]) -> list[Candidate]:
    """Put what was seen of each batch together: one text that differs makes it another text."""
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


def _marks(record: MessageRecord, identity: Mapping[str, str]) -> Marks:
    """Return what the metadata that a record shows says; providers may show none."""
    shown = {key: record.metadata[key] for key in (CAMPAIGN, POSITION) if key in record.metadata}
    if not shown:
        return Marks.NONE
    return Marks.OWN if shown == identity else Marks.ANOTHERS


def _named_by_the_answer(entry: ChunkRecord) -> str | None:
    """Return the batch that the API named in an answer which refused it."""
    if not isinstance(entry.error, OutcomeUnknown):
        return None
    error: Any = entry.error
    return getattr(error, "batch_id", None) or getattr(error, "message_id", None)
