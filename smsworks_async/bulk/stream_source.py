"""Chunks as they are read: no journal, flat memory, and a report in the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from smsworks_async.bulk.campaign.waits import Timer
from smsworks_async.bulk.costs import Prices, check_limits, exceeds, shown
from smsworks_async.bulk.engine import Engine
from smsworks_async.bulk.estimate import estimate
from smsworks_async.bulk.gateway import Provider
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import OneText, warnings_of
from smsworks_async.bulk.progress import Reporter
from smsworks_async.bulk.recipients import Chunk, Kind, Reader, halves, slices
from smsworks_async.bulk.throttle import Pace
from smsworks_async.errors import NotSent, SMSWorksError, ValidationError
from smsworks_async.models.iterables import is_container
from smsworks_async.models.report import (
    BatchOutcome,
    BulkInterrupted,
    BulkReport,
    Outcome,
    Reason,
)


T = TypeVar("T")


class Stream(Generic[T]):
    """Reads recipients as they are sent to, and keeps only what went wrong.

    Args:
        kind: what is sent.
        values: the recipients.
        reader: checks them, tells them apart, and puts them into chunks.
        max_credits: estimated credits not to go beyond, or None.
        prices: what a text costs outside the UK; only asked where there is a limit.
    """

    def __init__(
        self,
        kind: Kind[T],
        values: Iterable[Any] | AsyncIterable[Any],
        reader: Reader[T],
        max_credits: float | None,
        prices: Prices,
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._max_credits = max_credits
        self._prices = prices
        self._source = self._read(values)
        self._reading = asyncio.Lock()
        self._outcomes: list[BatchOutcome] = []
        self._recipients = dict.fromkeys(Outcome, 0)
        self._taken = 0.0
        self._accepted = 0.0
        self._full: SMSWorksError | None = None
        self._slice: Iterator[Chunk[T]] = iter(())
        # Halves of chunks, and chunks that were held back.
        self._waiting: deque[Chunk[T]] = deque()
        # What was read, and not yet taken.
        self._ahead: deque[Chunk[T]] = deque()

    async def _read(self, values: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Chunk[T]]:
        async for some in slices(values):
            self._slice = self._reader.take(some)
            chunk = None
            for chunk in self._slice:
                yield chunk
            if chunk is None:  # a long stretch of bad recipients does not hold up the answers
                await asyncio.sleep(0)
        for chunk in self._reader.finish():
            yield chunk

    async def has_more(self) -> bool:
        """Say whether there is another chunk; it is read to find out."""
        if not self._waiting:
            async with self._reading:
                chunk = None if self._full else await anext(self._source, None)
                if chunk is not None:
                    self._ahead.append(chunk)
        return bool(self._waiting or self._ahead)

    async def take(self, *, abroad: SMSWorksError | None) -> Chunk[T] | None:
        """Read the next chunk, unless it would exceed the credits; None when there are no more."""
        if self._waiting:
            return self._waiting.popleft()
        async with self._reading:
            return await self._next(abroad)

    async def _read_on(self) -> Chunk[T] | None:
        return self._ahead.popleft() if self._ahead else await anext(self._source, None)

    async def _next(self, abroad: SMSWorksError | None) -> Chunk[T] | None:
        while self._full is None and (chunk := await self._read_on()) is not None:
            if chunk.abroad and abroad is not None:
                self._keep_not_sent(chunk, abroad)
            elif (full := await self._over_the_limit(chunk)) is not None:
                self._full = full
                self._keep_not_sent(chunk, full)
                await self.leave(full, read_on=True)
            else:
                return chunk
        return None

    async def _over_the_limit(self, chunk: Chunk[T]) -> SMSWorksError | None:
        """Count what a chunk costs, or return why it may not be sent."""
        limit = self._max_credits
        if limit is None:
            return None
        credits = chunk.credits
        if chunk.abroad:
            try:
                credits = await self._prices.credits(self._kind, chunk.items)
            except SMSWorksError as error:  # nobody knows whether it stays within the limit
                return error
        if exceeds(self._taken + credits, limit):
            return ValidationError(
                f"max_credits of {shown(limit)} would have been exceeded{self._prices.caveat}",
                field="max_credits",
            )
        self._taken += credits
        return None

    async def finish(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Keep what became of a chunk."""
        self._outcomes.append(outcome)
        self._recipients[outcome.outcome] += outcome.size
        if outcome.outcome is Outcome.ACCEPTED:
            self._accepted += chunk.credits

    async def split(self, chunk: Chunk[T]) -> None:
        """Put two halves in a refused chunk's place."""
        first = self._reader.chunks
        self._reader.chunks += 2
        self._waiting.extend(halves(chunk, self._kind, (first, first + 1)))

    async def hold_back(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Have a refused chunk taken again."""
        self._waiting.append(chunk)

    async def leave(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Account for the rest: read, so that the report speaks of everybody, but not sent."""
        for chunks in (self._waiting, self._ahead):
            while chunks:
                self._keep_not_sent(chunks.popleft(), why)
        if read_on:
            async for chunk in self._source:
                self._keep_not_sent(chunk, why)
                await asyncio.sleep(0)  # there may be no end to it: it can be cancelled
        for chunk in self._slice:  # drawn from the caller's iterable already
            self._keep_not_sent(chunk, why)
        for chunk in self._reader.finish():
            self._keep_not_sent(chunk, why)

    def _keep_not_sent(self, chunk: Chunk[T], why: SMSWorksError) -> None:
        destinations = self.destinations(chunk)
        size = len(destinations)
        self._outcomes.append(
            BatchOutcome(chunk.number, Outcome.NOT_SENT, size, error=why, destinations=destinations)
        )
        self._recipients[Outcome.NOT_SENT] += size

    def document(self, chunk: Chunk[T]) -> Any:
        """Give the body of a chunk's request."""
        return self._kind.document(chunk)

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Give the numbers that a chunk goes to."""
        return tuple(map(self._kind.destination, chunk.items))

    def expiry(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Give what says whether a chunk's request may not leave any more: it always may."""
        return None

    def counts(self) -> dict[str, int]:
        """Give the counts of a report."""
        return {
            "read": self._reader.read,
            "accepted": self._recipients[Outcome.ACCEPTED],
            "rejected": self._recipients[Outcome.REJECTED],
            "unknown": self._recipients[Outcome.UNKNOWN],
            "not_sent": self._recipients[Outcome.NOT_SENT],
            "invalid": self._reader.set_aside[Reason.INVALID],
            "duplicates": self._reader.set_aside[Reason.DUPLICATE],
        }

    def expected(self) -> dict[str, int]:
        """Give what is known ahead: nothing is, before it is read."""
        return {}

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Say what became of everybody who was read."""
        counts: Any = self.counts()
        return BulkReport(
            **counts,
            batches=tuple(sorted(self._outcomes, key=lambda outcome: outcome.number)),
            problems=tuple(self._reader.problems),
            credits=self._accepted,
            stopped=stopped or self._full,
            warnings=warnings_of(self._kind),
        )


async def send(
    kind: Kind[T],
    values: Iterable[Any] | AsyncIterable[Any],
    provider: Provider,
    options: Options,
    timer: Timer | None = None,
) -> BulkReport:
    """Send without a journal.

    Raises:
        ValidationError: it would cost more than it may; nothing was sent.
        BulkInterrupted: the caller's code raised.
        CancelledError: the run was cancelled; its ``report`` has who was in flight as unknown.
    """
    prices = Prices(provider.cost)
    await _check_cost(kind, values, provider, options, prices)
    reader = Reader(kind, options.chunk_size, deduplicate=options.deduplicate)
    stream = Stream(kind, values, reader, options.max_credits, prices)
    engine = Engine(
        stream,
        provider.post(kind.name),
        Pace(options.concurrency, options.max_rate, admit=provider.admit),
        reporter=Reporter(options.progress, timer),
        one_text=kind.name == OneText.name,
    )
    try:
        await engine.carry_out()
    except BulkInterrupted:
        raise
    except BaseException as error:
        # A cancelled run is over: without a journal nobody could ask for its report later.
        await stream.leave(NotSent("the run was cancelled"), read_on=False)
        error.__dict__["report"] = await stream.report(engine.halt)
        raise
    return await stream.report(engine.halt)


async def _check_cost(
    kind: Kind[T], values: Any, provider: Provider, options: Options, prices: Prices
) -> None:
    """Refuse a run that would cost more than it may, if that is known."""
    known = is_container(values)
    if options.require_balance and not known:
        raise ValidationError(
            "require_balance wants to know how many there are: give a list, or a journal",
            field="require_balance",
        )
    if not known or not (options.require_balance or options.max_credits is not None):
        return
    found = await estimate(kind, values, deduplicate=options.deduplicate, prices=prices)
    await check_limits(options, prices, provider, total=found.credits, rest=found.credits)
