"""The engine: carries chunks out, so many at a time, and tells their source what became of each."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any, Generic, NoReturn, Protocol, TypeVar

import attrs
from aiolimiter import AsyncLimiter

from smsworks_async.bulk.recipients import Chunk
from smsworks_async.bulk.report import BatchOutcome, BulkProgress, BulkReport, Outcome
from smsworks_async.errors import (
    CODES,
    APIError,
    BulkInterrupted,
    ConfigurationError,
    Doom,
    InsufficientCredit,
    NotAuthenticated,
    NotAuthorised,
    NotSent,
    OutcomeUnknown,
    SMSWorksError,
)


T = TypeVar("T")

#: Called with how far the run has got; an async function is awaited.
Progress = Callable[[BulkProgress], object]

_OF_THE_ACCOUNT = (NotAuthenticated, InsufficientCredit, NotAuthorised)


def outcome_of(error: SMSWorksError) -> Outcome:
    """Say what an error means for the chunk that met it."""
    if isinstance(error, APIError):
        return Outcome.REJECTED
    return Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.NOT_SENT


def doom_of(error: SMSWorksError, before: int | None) -> Doom:
    """Say whom an error dooms beside the chunk that met it.

    Args:
        error: what the chunk met.
        before: the code that the chunk before it met, or None.
    """
    if isinstance(error, ConfigurationError):
        return Doom.ACCOUNT
    if not isinstance(error, APIError):
        return Doom.NOBODY
    known = CODES.get(error.code) if error.code is not None else None
    if known is None:
        # Without a code of the API's: refused as a person would be, or the address is wrong.
        elsewhere = 300 <= error.status < 400 or error.status == 404
        return Doom.ACCOUNT if isinstance(error, _OF_THE_ACCOUNT) or elsewhere else Doom.NOBODY
    if known.dooms is Doom.WHEN_REPEATED:
        return Doom.ACCOUNT if before == error.code else Doom.NOBODY
    return known.dooms


class Source(Protocol[T]):
    """Where chunks come from, and where it is kept what became of them.

    `Stream` is one, in memory. A journal is the place for another.
    """

    async def take(self) -> Chunk[T] | None:
        """Give the next chunk to send; None when there are no more."""
        ...

    async def finish(self, outcomes: Sequence[tuple[Chunk[T], BatchOutcome]]) -> None:
        """Keep what became of chunks."""
        ...

    async def leave(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Account for what will not be sent; reading on to the end, or not."""
        ...

    def document(self, chunk: Chunk[T]) -> Any:
        """Give the body of a chunk's request."""
        ...

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Give the numbers that a chunk goes to."""
        ...

    def counts(self) -> dict[str, int]:
        """Give the counts of a report."""
        ...

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Say what became of everybody."""
        ...


@attrs.frozen(kw_only=True)
class Pace:
    """How fast a run goes, and whom it tells.

    Attributes:
        concurrency: chunks in flight at a time.
        max_rate: chunks a second, or None.
        progress: called whenever chunks are done, or None.
    """

    concurrency: int
    max_rate: float | None = None
    progress: Progress | None = None


#: Sends a chunk's document, and gives its batch id.
Post = Callable[[Any], Awaitable[str]]


class Engine(Generic[T]):
    """Carries out what a source gives.

    Args:
        source: where chunks come from.
        post: sends a chunk's document.
        pace: how fast, and whom to tell.
        one_text: whether a refusal of the text dooms everybody.
    """

    def __init__(self, source: Source[T], post: Post, pace: Pace, *, one_text: bool) -> None:
        self._source = source
        self._post = post
        self._pace = pace
        self._one_text = one_text
        self._limiter = None if pace.max_rate is None else AsyncLimiter(1, 1 / pace.max_rate)
        self._started = time.monotonic()
        self._in_flight: dict[asyncio.Task[BatchOutcome], Chunk[T]] = {}
        self._halt_abroad: SMSWorksError | None = None
        self._code_before: int | None = None
        #: What dooms the rest, once it is known.
        self.halt: SMSWorksError | None = None

    async def carry_out(self) -> None:
        """Send what the source gives, until it gives no more or something dooms the rest.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; what was in flight was
                waited for.
        """
        try:
            try:
                await self._carry_out()
            except Exception as error:
                await self._finish_after(error)
        except BaseException as error:
            if not isinstance(error, Exception):
                error.add_note(await self._abandon())
            raise

    async def _carry_out(self) -> None:
        while True:
            chunk = None
            if self.halt is None and len(self._in_flight) < self._pace.concurrency:
                chunk = await self._source.take()
            if chunk is not None:
                task = asyncio.get_running_loop().create_task(self._send(chunk))
                self._in_flight[task] = chunk
            elif self._in_flight:
                await self._settle()
            else:
                break
        if self.halt is not None:
            await self._source.leave(self.halt, read_on=True)

    async def _send(self, chunk: Chunk[T]) -> BatchOutcome:
        try:
            async with self._limiter or nullcontext():
                halted = self.halt or (self._halt_abroad if chunk.abroad else None)
                if halted is not None:
                    return self._outcome(chunk, Outcome.NOT_SENT, halted)
                batch_id = await self._post(self._source.document(chunk))
        except SMSWorksError as error:
            self._consider(error)
            return self._outcome(chunk, outcome_of(error), error)
        except Exception as error:
            # Not foreseen, so that nothing is known; the recipients are accounted for all the same.
            doubt = OutcomeUnknown(f"unforeseen: {type(error).__name__}", operation="bulk")
            doubt.__cause__ = error
            return self._outcome(chunk, Outcome.UNKNOWN, doubt)
        self._code_before = None
        return BatchOutcome(chunk.number, Outcome.ACCEPTED, len(chunk.items), batch_id)

    def _consider(self, error: SMSWorksError) -> None:
        doom = doom_of(error, self._code_before)
        self._code_before = error.code if isinstance(error, APIError) else None
        if doom is Doom.ABROAD:
            self._halt_abroad = error
        elif doom is Doom.ACCOUNT or (doom is Doom.TEXT and self._one_text):
            self.halt = self.halt or error

    def _outcome(self, chunk: Chunk[T], outcome: Outcome, error: SMSWorksError) -> BatchOutcome:
        destinations = self._source.destinations(chunk)
        return BatchOutcome(
            chunk.number, outcome, len(destinations), error=error, destinations=destinations
        )

    async def _settle(self) -> None:
        """Wait until a chunk in flight is done, keep what became of it, and tell."""
        done, _ = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        await self._source.finish([(self._in_flight.pop(task), task.result()) for task in done])
        if self._pace.progress is not None:
            told = self._pace.progress(self.progress())
            if inspect.isawaitable(told):
                await told

    async def _finish_after(self, error: Exception) -> NoReturn:
        """Wait for what is in flight: nobody is left in doubt over somebody else's bug."""
        self._pace = attrs.evolve(self._pace, progress=None)
        while self._in_flight:
            await self._settle()
        interrupted = NotSent(f"the run was interrupted by {type(error).__name__}")
        await self._source.leave(interrupted, read_on=False)
        raise BulkInterrupted(
            f"{interrupted}; .report tells what became of the recipients read by then",
            report=await self._source.report(self.halt),
        ) from error

    async def _abandon(self) -> str:
        """Give up what is in flight, and say what is known."""
        for task in self._in_flight:
            task.cancel()
        in_flight = sum(len(chunk.items) for chunk in self._in_flight.values())
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._in_flight.clear()
        accepted = self._source.counts()["accepted"]
        return (
            f"bulk: {accepted} recipients had been accepted; of {in_flight} whose batches were on "
            "their way it is not known"
        )

    def progress(self) -> BulkProgress:
        """Say how far the run has got."""
        return BulkProgress(
            **self._source.counts(),
            in_flight=sum(len(chunk.items) for chunk in self._in_flight.values()),
            seconds=time.monotonic() - self._started,
        )
