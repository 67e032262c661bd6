"""A source of chunks from a journal, which are claimed one by one."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

from smsworks_async.bulk.campaign.counts import StateCounts
from smsworks_async.bulk.campaign.packing import LeavesOut, pack_chunk, unpack_chunk
from smsworks_async.bulk.campaign.report import make_report
from smsworks_async.bulk.campaign.waits import lease_is_over
from smsworks_async.bulk.chunk import Chunk, Payload, halves
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.progress import log
from smsworks_async.bulk.source import Withdrawn, stopped_by
from smsworks_async.errors import NotSent, SMSWorksError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import ChunkRecord, Refused, State, StoredChunk, Summary
from smsworks_async.models.report import BatchOutcome, BulkReport, Outcome, Reason


T = TypeVar("T")


class Quota(Protocol):
    """Limits the number of chunks that one run may claim."""

    def take(self) -> bool:
        """Reserve one chunk before a claim; return whether there is one."""
        ...

    def give_back(self) -> None:
        """Undo `take` if nothing was claimed."""
        ...

    def note_sent(self) -> None:
        """Record that a request was made."""
        ...


def new_owner() -> str:
    """Return a unique owner name, which contains the host and the process id."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


class JournalSource(Generic[T]):
    """One run's view of a campaign in a journal: a `Source`.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        payload: the payload.
        lease: the seconds after a claim during which its request may be written.
        round: the campaign's round.
        monotonic: returns seconds by the monotonic clock.
        server_time: returns the time by the provider's clock, if known.
        opt_outs: the opt-outs; None if they are not respected.
        on_accepted: awaited with each accepted chunk, or None.
        lists_opt_outs: whether the opt-out list is in this journal.
        quota: limits the claims; None for no limit.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        payload: Payload[T],
        lease: float,
        round: int = 0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        server_time: Callable[[], float | None] = lambda: None,
        opt_outs: OptOutView | None = None,
        on_accepted: Callable[[ChunkRecord], Awaitable[None]] | None = None,
        lists_opt_outs: bool = False,
        quota: Quota | None = None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._lease = lease
        #: The campaign's round.
        self.round = round
        self._monotonic = monotonic
        self._server_time = server_time
        self._opt_outs = opt_outs
        self._on_accepted = on_accepted
        self._lists_opt_outs = lists_opt_outs
        self._quota = quota
        self._leaves_out = (
            None if opt_outs is None else LeavesOut(payload, opt_outs, is_inside=lists_opt_outs)
        )
        # The last known opt-out before the claim of each chunk.
        self._known: dict[int, int] = {}
        #: The reason why the last claim was refused, or None.
        self.refused: Refused | None = None
        self._owner = new_owner()
        self._claims = itertools.count(1)
        # A remote journal has its own clock, which is approximated by this machine's.
        self._clock: Callable[[], float] = getattr(journal, "clock", time.time)
        self._cursor = -1
        self._requeued: deque[int] = deque()
        # The claimed chunks that this run is sending.
        self._claimed: dict[int, StoredChunk] = {}
        self._lease_checks: dict[int, Callable[[], bool]] = {}
        self._lapsed: set[int] = set()
        #: Chunks that this run could not send, and does not try again.
        self.failed: set[int] = set()
        self._not_sent: dict[bool, SMSWorksError | None] = {True: None, False: None}
        self._recipients = StateCounts()
        self._set_aside: dict[str, int] = {}
        self._before = 0

    async def begin(self) -> None:
        """Read the campaign's counts, and start with its first chunk."""
        self._cursor = -1
        if self._opt_outs is not None:  # read the whole list now, not in the first claim
            await self._opt_outs.refresh()
        summary = await self.refresh()
        self._before = self._recipients.total - self._recipients.waiting
        totals = summary.campaign.totals
        if totals is not None and not self.round:
            self._set_aside = {
                "read": totals.read,
                "invalid": totals.set_aside[Reason.INVALID],
                "duplicates": totals.set_aside[Reason.DUPLICATE],
            }

    async def refresh(self) -> Summary:
        """Read the counts from the journal. Must not be called while this run sends and counts."""
        summary = await self._journal.summary(self._campaign)
        states = summary.later_rounds if self.round else summary.states
        self._recipients = StateCounts(states)
        return summary

    async def has_more(self) -> bool:
        """Return whether there is another chunk, as far as this run knows."""
        return bool(self._requeued) or self._recipients.pending > 0

    async def next_chunk(self, *, skip_international: SMSWorksError | None) -> Chunk[T] | None:
        """Claim the next pending chunk; return None if none is available."""
        self._not_sent[True] = skip_international
        if self._opt_outs is not None and not self._lists_opt_outs:
            await self._opt_outs.refresh()
        known = 0 if self._opt_outs is None else self._opt_outs.last
        while self._quota is None or self._quota.take():
            claim = await self._claim(international=skip_international is None)
            if claim is None:
                self._give_back()
                break
            entry = claim.record
            self._cursor = max(self._cursor, entry.number)
            if entry.number not in self.failed:
                self._claimed[entry.number] = claim
                self._known[entry.number] = known
                self._recipients.claim(entry)
                return unpack_chunk(claim, self._payload)
            await self._return_unsent(claim)
            self._give_back()
        return None

    def _give_back(self) -> None:
        if self._quota is not None:
            self._quota.give_back()

    async def check(self, chunk: Chunk[T], *, again: bool) -> None:
        """Check that no recipient of a chunk has opted out since its claim.

        Before a retry, also check that the campaign is running and in its window.
        """
        if again:
            refused = await self._journal.controls(self._campaign, self.round)
            if refused is not None:
                raise Withdrawn(stopped_by(refused, self._campaign))
        if self._opt_outs is not None:
            await self._opt_outs.refresh()
            news = self._opt_outs.last > self._known[chunk.number]
            if news and self._opt_outs.leaves_out(self.destinations(chunk)):
                raise Withdrawn(
                    NotSent("a recipient of its batch opted out just before it was sent")
                )

    async def _claim(self, *, international: bool) -> StoredChunk | None:
        after = self._requeued.popleft() - 1 if self._requeued else self._cursor
        # Read both clocks before the claim, so that the lease does not seem longer here than
        # elsewhere.
        since, wall = self._monotonic(), self._clock()
        claiming = asyncio.ensure_future(
            self._journal.claim_next(
                self._campaign,
                owner=f"{self._owner}:{next(self._claims)}",
                lease=self._lease,
                round=self.round,
                after=after,
                international=international,
                server_time=self._server_time(),
                leave_out=self._leaves_out,
            )
        )
        try:
            claim = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The claim may still have succeeded, and nothing will be sent: record that.
            claim = await claiming
            if isinstance(claim, StoredChunk):
                await self._return_unsent(claim)
            raise
        self.refused = claim if isinstance(claim, Refused) else None
        if isinstance(claim, Refused):
            return None
        if claim is not None:
            lease_end = min(wall + self._lease, claim.record.lease or wall)
            self._lease_checks[claim.record.number] = lambda: lease_is_over(
                self._lease,
                since_claim=self._monotonic() - since,
                now=self._clock(),
                lease_end=lease_end,
            )
        return claim

    async def _return_unsent(self, claim: StoredChunk) -> None:
        entry = claim.record
        outcome = BatchOutcome(entry.number, Outcome.NOT_SENT, entry.size)
        await self._journal.finish(self._campaign, entry, outcome)

    async def record_outcome(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Record the outcome of a chunk."""
        number = chunk.number
        claimed = self._claimed[number].record
        entry = await self._journal.finish(self._campaign, claimed, outcome)
        del self._claimed[number], self._known[number]
        self._recipients.finish(claimed, entry)
        late = self._lease_checks.pop(number)()
        if outcome.batch_id is not None and outcome.batch_id in entry.doubles:
            log.warning("campaign %s: chunk %d was accepted twice", self._campaign, number)
        if outcome.outcome is not Outcome.NOT_SENT:
            if self._quota is not None:
                self._quota.note_sent()
            if entry.state is State.ACCEPTED and self._on_accepted is not None:
                await self._on_accepted(entry)
            return
        if late and number not in self._lapsed:
            # This process was stopped for longer than its lease, so the request was not written.
            log.warning(
                "campaign %s: the lease of chunk %d expired before its request was written, so "
                "nothing was sent; it will be retried",
                *(self._campaign, number),
            )
            self._lapsed.add(number)
            self._requeued.append(number)
        else:
            self.failed.add(number)

    async def split(self, chunk: Chunk[T]) -> None:
        """Replace a rejected chunk by its two halves."""
        claim = self._claimed[chunk.number]
        # Halves of the planned chunk: recipients left out now may be included in the halves'
        # claims.
        planned = unpack_chunk(claim, self._payload, as_planned=True)
        parts = [pack_chunk(half, self._payload) for half in halves(planned, self._payload, (0, 0))]
        await self._journal.split(self._campaign, chunk.number, chunk.attempt, parts)
        del self._claimed[chunk.number], self._known[chunk.number]
        self._recipients.unclaim(claim.record)

    async def requeue(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Return a rejected chunk again later."""
        outcome = BatchOutcome(chunk.number, Outcome.NOT_SENT, len(chunk.items), error=error)
        await self.record_outcome(chunk, outcome)
        self.failed.discard(chunk.number)
        self._requeued.append(chunk.number)

    async def abandon_rest(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Leave the rest pending, for another run."""
        self._not_sent[False] = why

    def document(self, chunk: Chunk[T]) -> Any:
        """Return the body of a chunk's request."""
        return self._payload.document(chunk)

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Return the numbers of a chunk."""
        return tuple(self._payload.destinations(chunk.items))

    def lease_expired(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Return the function that tells whether a chunk's lease has expired."""
        return self._lease_checks[chunk.number]

    @property
    def is_international_halted(self) -> bool:
        """Return whether nothing more is sent outside the UK."""
        return self._not_sent[True] is not None

    def counts(self) -> dict[str, int]:
        """Return the counts of a report, which do not include pending recipients yet."""
        return {**self._set_aside, **self._recipients.outcomes()}

    def expected(self) -> dict[str, int]:
        """Return the counts known in advance."""
        return {"planned": self._recipients.total, "before": self._before}

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Return the current report of the campaign from the journal."""
        return await make_report(
            self._journal,
            self._campaign,
            self._payload,
            stopped,
            round=self.round,
            not_sent=self._not_sent,
        )
