"""A source without a journal: recipients are read while sending, in constant memory."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import attrs

from smsworks_async.bulk.chunk import Chunk, Payload, halves
from smsworks_async.bulk.costs import CostLimits
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.payloads import warnings_of
from smsworks_async.bulk.recipients import Reader, slices
from smsworks_async.bulk.source import Withdrawn, stopped_by
from smsworks_async.errors import NotSent, SMSWorksError
from smsworks_async.journals.records import Control, Controls, Refused
from smsworks_async.journals.steering import refuse
from smsworks_async.models.report import BatchOutcome, BulkReport, Outcome, Reason
from smsworks_async.models.window import SendWindow


T = TypeVar("T")


class StreamSource(Generic[T]):
    """A `Source` that reads recipients while sending, and keeps only failures.

    Args:
        payload: the payload.
        values: the recipients.
        reader: validates and deduplicates them, and puts them into chunks.
        limits: the run's cost limits, or None.
        opt_outs: the opt-outs to leave out; None if they are not respected.
        window: the sending window; None for any time.
        at: when its messages are due, in POSIX seconds; None for at once.
        clock: returns POSIX seconds.
    """

    def __init__(
        self,
        payload: Payload[T],
        values: Iterable[Any] | AsyncIterable[Any],
        reader: Reader[T],
        limits: CostLimits | None = None,
        *,
        opt_outs: OptOutView | None = None,
        window: SendWindow | None = None,
        at: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._payload = payload
        self._reader = reader
        # Adds the cost of each chunk when it is taken.
        self._limits = limits
        self._opt_outs = opt_outs
        self._controls = Controls(Control.RUNNING, "", window, at)
        self._clock = clock
        #: The reason why no more chunks are returned for now, or None.
        self.refused: Refused | None = None
        self._chunks = self._read(values)
        self._reading = asyncio.Lock()
        self._outcomes: list[BatchOutcome] = []
        self._recipients = dict.fromkeys(Outcome, 0)
        self._accepted = 0.0
        self._limit_reached: SMSWorksError | None = None
        self._slice: Iterator[Chunk[T]] = iter(())
        # Halves of chunks, and requeued chunks.
        self._waiting: deque[Chunk[T]] = deque()
        # Chunks that were read and not yet taken.
        self._ahead: deque[Chunk[T]] = deque()

    async def _read(self, values: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Chunk[T]]:
        async for some in slices(values):
            self._slice = self._reader.feed(some)
            chunk = None
            for chunk in self._slice:
                yield chunk
            if chunk is None:  # many invalid recipients in a row must not block the loop
                await asyncio.sleep(0)
        for chunk in self._reader.flush():
            yield chunk

    async def check_cost(self, limits: CostLimits) -> None:
        """Read all recipients in advance, and check their cost before the first request.

        Raises:
            ValidationError: a limit is exceeded; nothing was sent.
            APIError: the API rejected the request for a price or the balance.
        """
        total = 0.0
        async for chunk in self._chunks:
            self._ahead.append(chunk)
            total += await limits.prices.of_chunk(self._payload, chunk)
            await asyncio.sleep(0)  # lets other tasks run, and allows cancellation
        await limits.check(total=total, rest=total)
        self._limits = None

    async def has_more(self) -> bool:
        """Return whether there is another chunk, reading one if necessary."""
        if not self._waiting:
            async with self._reading:
                chunk = None if self._limit_reached else await anext(self._chunks, None)
                if chunk is not None:
                    self._ahead.append(chunk)
        return bool(self._waiting or self._ahead)

    async def next_chunk(self, *, skip_international: SMSWorksError | None) -> Chunk[T] | None:
        """Return the next chunk unless it would exceed the credits; None if there are no more."""
        self.refused = self._refusal()
        while self.refused is None:
            if self._waiting:
                chunk: Chunk[T] | None = self._waiting.popleft()
            else:
                async with self._reading:
                    chunk = await self._next(skip_international)
            left = None if chunk is None else await self._without_opted_out(chunk)
            if chunk is None or left is not None:
                return left
        return None

    def _refusal(self) -> Refused | None:
        return refuse(self._controls, self._clock())

    async def _without_opted_out(self, chunk: Chunk[T]) -> Chunk[T] | None:
        """Return a chunk without opted-out recipients; None if none are left."""
        view = self._opt_outs
        if view is None:
            return chunk
        await view.refresh()
        numbers = self.destinations(chunk)
        if view.is_empty or not view.leaves_out(numbers):
            return chunk
        out = tuple(filter(view.is_out, numbers))
        outcome = BatchOutcome(chunk.number, Outcome.OPTED_OUT, len(out), destinations=out)
        await self.record_outcome(chunk, outcome)
        places = [place for place, number in enumerate(numbers) if not view.is_out(number)]
        items = [chunk.items[place] for place in places]
        if not items:
            return None
        return attrs.evolve(
            chunk,
            items=items,
            positions=[chunk.positions[place] for place in places],
            credits=self._payload.credits(items, international=chunk.international),
        )

    async def check(self, chunk: Chunk[T], *, again: bool) -> None:
        """Check for new opt-outs in a chunk, and before a retry also the window."""
        refused = self._refusal() if again else None
        if refused is not None:
            raise Withdrawn(stopped_by(refused, ""))
        if self._opt_outs is not None:
            await self._opt_outs.refresh()
            if self._opt_outs.leaves_out(self.destinations(chunk)):
                raise Withdrawn(
                    NotSent("a recipient of its batch opted out just before it was sent")
                )

    async def _next(self, skip_international: SMSWorksError | None) -> Chunk[T] | None:
        while self._limit_reached is None and (chunk := await self._read_on()) is not None:
            if chunk.international and skip_international is not None:
                self._record_not_sent(chunk, skip_international)
            elif (
                self._limits is not None
                and (limit := await self._limits.count(self._payload, chunk)) is not None
            ):
                self._limit_reached = limit
                self._record_not_sent(chunk, limit)
                await self.abandon_rest(limit, read_on=True)
            else:
                return chunk
        return None

    async def _read_on(self) -> Chunk[T] | None:
        return self._ahead.popleft() if self._ahead else await anext(self._chunks, None)

    async def record_outcome(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Record the outcome of a chunk."""
        self._outcomes.append(outcome)
        self._recipients[outcome.outcome] += outcome.size
        if outcome.outcome is Outcome.ACCEPTED:
            self._accepted += chunk.credits

    async def split(self, chunk: Chunk[T]) -> None:
        """Replace a rejected chunk by its two halves."""
        first = self._reader.chunks
        self._reader.chunks += 2
        self._waiting.extend(halves(chunk, self._payload, (first, first + 1)))

    async def requeue(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Return a rejected chunk once more, later."""
        self._waiting.append(chunk)

    async def abandon_rest(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Account for the unsent rest, which is read so that the report covers all recipients."""
        for chunks in (self._waiting, self._ahead):
            while chunks:
                self._record_not_sent(chunks.popleft(), why)
        if read_on:
            async for chunk in self._chunks:
                self._record_not_sent(chunk, why)
                await asyncio.sleep(0)  # allows cancellation, since the source may be endless
        for chunk in self._slice:  # already read from the caller's iterable
            self._record_not_sent(chunk, why)
        for chunk in self._reader.flush():
            self._record_not_sent(chunk, why)

    def _record_not_sent(self, chunk: Chunk[T], why: SMSWorksError) -> None:
        destinations = self.destinations(chunk)
        size = len(destinations)
        self._outcomes.append(
            BatchOutcome(chunk.number, Outcome.NOT_SENT, size, error=why, destinations=destinations)
        )
        self._recipients[Outcome.NOT_SENT] += size

    def document(self, chunk: Chunk[T]) -> Any:
        """Return the body of a chunk's request."""
        return self._payload.document(chunk)

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Return the numbers that a chunk goes to."""
        return tuple(self._payload.destinations(chunk.items))

    def lease_expired(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Return None: without a journal a chunk has no lease."""
        return None

    def counts(self) -> dict[str, int]:
        """Return the counts of a report."""
        return {
            "read": self._reader.read,
            "accepted": self._recipients[Outcome.ACCEPTED],
            "rejected": self._recipients[Outcome.REJECTED],
            "unknown": self._recipients[Outcome.UNKNOWN],
            "not_sent": self._recipients[Outcome.NOT_SENT],
            "invalid": self._reader.set_aside[Reason.INVALID],
            "duplicates": self._reader.set_aside[Reason.DUPLICATE],
            "opted_out": self._recipients[Outcome.OPTED_OUT],
        }

    def expected(self) -> dict[str, int]:
        """Return no counts: recipients are not known before they are read."""
        return {}

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Return the report of all recipients that were read."""
        counts: Any = self.counts()
        return BulkReport(
            **counts,
            batches=tuple(sorted(self._outcomes, key=lambda outcome: outcome.number)),
            problems=tuple(self._reader.problems),
            credits=self._accepted,
            stopped=stopped or self._limit_reached,
            warnings=warnings_of(self._payload),
        )
