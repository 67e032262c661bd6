"""Chunks from a journal: planned whole, started one by one, and kept through whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from smsworks_async.bulk.campaign.plan import packed, unpacked
from smsworks_async.bulk.campaign.waits import lease_is_over
from smsworks_async.bulk.payloads import warnings_of
from smsworks_async.bulk.progress import log
from smsworks_async.bulk.recipients import Chunk, Kind, halves
from smsworks_async.errors import OutcomeUnknown, SMSWorksError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import (
    NO_LIMIT,
    OUTCOMES,
    ChunkRecord,
    State,
    StoredChunk,
    Summary,
)
from smsworks_async.models.report import BatchOutcome, BulkReport, Outcome, Problem, Reason


T = TypeVar("T")


def new_owner() -> str:
    """Return a name for whoever sends: it says where to look, and nobody else has it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


class Ledger(Generic[T]):
    """One run's view of a campaign in a journal: a `Source`.

    Args:
        journal: where the campaign is.
        campaign: its id.
        kind: what it sends.
        lease: seconds for which a started request may leave.
        round: which of the campaign's rounds.
        monotonic: tells seconds that nobody can set.
        server_time: tells the time by the provider's clock, where it is known.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        kind: Kind[T],
        lease: float,
        round: int = 0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        server_time: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._kind = kind
        self._lease = lease
        self._round = round
        self._monotonic = monotonic
        self._server_time = server_time
        self._owner = new_owner()
        self._claims = itertools.count(1)
        # A journal elsewhere has a clock of its own, which this machine's stands in for.
        self._clock: Callable[[], float] = getattr(journal, "clock", time.time)
        self._cursor = -1
        self._again: deque[int] = deque()
        # The chunks that this run is sending, as they were claimed.
        self._claimed: dict[int, ChunkRecord] = {}
        self._expiries: dict[int, Callable[[], bool]] = {}
        self._lapsed: set[int] = set()
        #: Chunks that this run could not send: it does not try them a second time.
        self.failed: set[int] = set()
        self._why: dict[bool, SMSWorksError | None] = {True: None, False: None}
        self._recipients = dict.fromkeys(State, 0)
        self._set_aside: dict[str, int] = {}
        self._before = 0

    async def begin(self) -> None:
        """Take up how far the campaign has got, and start again with its first chunk."""
        self._cursor = -1
        summary = await self.refresh()
        waiting = self._recipients[State.PENDING] + self._recipients[State.SENDING]
        self._before = sum(self._recipients.values()) - waiting
        totals = summary.campaign.totals
        if totals is not None and not self._round:
            self._set_aside = {
                "read": totals.read,
                "invalid": totals.set_aside[Reason.INVALID],
                "duplicates": totals.set_aside[Reason.DUPLICATE],
            }

    async def refresh(self) -> Summary:
        """Count as the journal has it now; not while this run sends, which counts by itself."""
        summary = await self._journal.summary(self._campaign)
        states = summary.later_rounds if self._round else summary.states
        self._recipients = dict.fromkeys(State, 0) | {
            state: sums.recipients for state, sums in states.items()
        }
        return summary

    async def has_more(self) -> bool:
        """Say whether there is another chunk, as far as this run knows."""
        return bool(self._again) or self._recipients[State.PENDING] > 0

    async def take(self, *, abroad: SMSWorksError | None) -> Chunk[T] | None:
        """Start the next pending chunk; None when there is none that nobody else has."""
        self._why[True] = abroad
        while (claim := await self._start(abroad is None)) is not None:
            entry = claim.record
            self._cursor = max(self._cursor, entry.number)
            if entry.number not in self.failed:
                self._claimed[entry.number] = entry
                self._move(entry.size, State.PENDING, State.SENDING)
                return unpacked(claim, self._kind)
            await self._give_back(claim)
        return None

    async def _start(self, abroad: bool) -> StoredChunk | None:
        after = self._again.popleft() - 1 if self._again else self._cursor
        # Both before the claim, so that the lease cannot seem longer here than to others.
        since, wall = self._monotonic(), self._clock()
        starting = asyncio.ensure_future(
            self._journal.claim_next(
                self._campaign,
                owner=f"{self._owner}:{next(self._claims)}",
                lease=self._lease,
                round=self._round,
                after=after,
                international=abroad,
                server_time=self._server_time(),
            )
        )
        try:
            claim = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It may have been started all the same, and nothing will leave: say so.
            claim = await starting
            if claim is not None:
                await self._give_back(claim)
            raise
        if claim is not None:
            lease_end = min(wall + self._lease, claim.record.lease or wall)
            self._expiries[claim.record.number] = lambda: lease_is_over(
                self._lease,
                since_claim=self._monotonic() - since,
                now=self._clock(),
                lease_end=lease_end,
            )
        return claim

    async def _give_back(self, claim: StoredChunk) -> None:
        entry = claim.record
        outcome = BatchOutcome(entry.number, Outcome.NOT_SENT, entry.size)
        await self._journal.finish(self._campaign, entry, outcome)

    def _move(self, size: int, before: State, after: State) -> None:
        self._recipients[before] -= size
        self._recipients[after] += size

    async def finish(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Keep what became of a chunk."""
        number = chunk.number
        entry = await self._journal.finish(self._campaign, self._claimed[number], outcome)
        del self._claimed[number]
        self._move(entry.size, State.SENDING, entry.state)
        late = self._expiries.pop(number)()
        if outcome.batch_id is not None and outcome.batch_id in entry.doubles:
            log.warning("campaign %s: chunk %d was accepted twice", self._campaign, number)
        if outcome.outcome is not Outcome.NOT_SENT:
            return
        if late and number not in self._lapsed:
            # This process was stopped for longer than its lease, and then nothing left.
            log.warning(
                "campaign %s: the lease of chunk %d ended before its request left, and nothing was "
                "sent; it is tried again",
                *(self._campaign, number),
            )
            self._lapsed.add(number)
            self._again.append(number)
        else:
            self.failed.add(number)

    async def split(self, chunk: Chunk[T]) -> None:
        """Put two halves in a refused chunk's place."""
        parts = [packed(half, self._kind) for half in halves(chunk, self._kind, (0, 0))]
        await self._journal.split(self._campaign, chunk.number, chunk.attempt, parts)
        del self._claimed[chunk.number]
        self._move(len(chunk.items), State.SENDING, State.PENDING)

    async def hold_back(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Have a refused chunk taken again."""
        outcome = BatchOutcome(chunk.number, Outcome.NOT_SENT, len(chunk.items), error=error)
        await self.finish(chunk, outcome)
        self.failed.discard(chunk.number)
        self._again.append(chunk.number)

    async def leave(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Leave the rest pending, for another run."""
        self._why[False] = why

    def document(self, chunk: Chunk[T]) -> Any:
        """Give the body of a chunk's request."""
        return self._kind.document(chunk)

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Give the numbers that a chunk goes to."""
        return tuple(map(self._kind.destination, chunk.items))

    def expiry(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Give what says whether the chunk's lease has ended."""
        return self._expiries[chunk.number]

    @property
    def is_halted_abroad(self) -> bool:
        """Whether recipients outside the UK are not sent to."""
        return self._why[True] is not None

    def counts(self) -> dict[str, int]:
        """Give the counts of a report; who is pending is in none of them yet."""
        return {
            **self._set_aside,
            "accepted": self._recipients[State.ACCEPTED],
            "rejected": self._recipients[State.REJECTED],
            "unknown": self._recipients[State.UNKNOWN],
        }

    def expected(self) -> dict[str, int]:
        """Give what is known ahead."""
        return {"planned": sum(self._recipients.values()), "before": self._before}

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Say what became of everybody, as the journal has it now."""
        return await make_report(
            self._journal, self._campaign, self._kind, stopped, round=self._round, why=self._why
        )


async def make_report(
    journal: Journal,
    campaign: str,
    kind: Kind[T],
    stopped: SMSWorksError | None = None,
    *,
    round: int = 0,
    why: dict[bool, SMSWorksError | None] | None = None,
) -> BulkReport:
    """Say what became of everybody in a round of a campaign.

    Args:
        journal: where the campaign is.
        campaign: its id.
        kind: what it sends.
        stopped: why the run ended early, or None.
        round: the round.
        why: why what is pending was not sent, in the UK (False) and outside it (True).
    """
    everything = await journal.chunks(campaign, limit=NO_LIMIT)
    entries = [e for e in everything if e.round == round and e.state is not State.SPLIT]
    why = why or {}
    batches = [
        await _outcome(
            journal, campaign, kind, entry, why.get(entry.international) or why.get(False)
        )
        for entry in entries
    ]
    later = [e for e in everything if e.round > round == 0 and e.state is not State.SPLIT]
    problems = [] if round else await _all_problems(journal, campaign)
    recipients = dict.fromkeys(Outcome, 0)
    for batch in batches:
        recipients[batch.outcome] += batch.size
    invalid = sum(problem.reason is Reason.INVALID for problem in problems)
    return BulkReport(
        read=sum(recipients.values()) + len(problems),
        accepted=recipients[Outcome.ACCEPTED],
        rejected=recipients[Outcome.REJECTED],
        unknown=recipients[Outcome.UNKNOWN],
        not_sent=recipients[Outcome.NOT_SENT],
        invalid=invalid,
        duplicates=len(problems) - invalid,
        batches=tuple(batches),
        problems=tuple(problems),
        credits=sum(entry.credits for entry in entries if entry.state is State.ACCEPTED),
        accepted_twice=sum(entry.size * len(entry.doubles) for entry in entries + later),
        stopped=stopped,
        again=tuple([await _outcome(journal, campaign, kind, entry, None) for entry in later]),
        warnings=warnings_of(kind),
    )


async def _outcome(
    journal: Journal, campaign: str, kind: Kind[T], entry: ChunkRecord, why: SMSWorksError | None
) -> BatchOutcome:
    if entry.state is State.ACCEPTED and not entry.doubles:
        return BatchOutcome(entry.number, Outcome.ACCEPTED, entry.size, entry.batch_id)
    error = entry.error or why
    if entry.state is State.SENDING:
        error = OutcomeUnknown("another process is sending it, or has ended", operation="bulk")
    chunk = unpacked(await journal.read_chunk(campaign, entry.number), kind)
    destinations = tuple(map(kind.destination, chunk.items))
    return BatchOutcome(
        entry.number,
        OUTCOMES[entry.state],
        entry.size,
        entry.batch_id,
        error,
        destinations,
        entry.doubles,
    )


async def _all_problems(journal: Journal, campaign: str) -> list[Problem]:
    problems: list[Problem] = []
    while page := await journal.problems(campaign, problems[-1].position if problems else -1):
        problems.extend(page)
    return problems
