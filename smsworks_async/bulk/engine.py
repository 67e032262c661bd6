"""The engine: carries chunks out, so many at a time, and says what became of each."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import nullcontext
from typing import Any, Generic, NoReturn, TypeVar

import attrs
from aiolimiter import AsyncLimiter

from smsworks_async.bulk.recipients import Chunk, Kind, Reader, slices
from smsworks_async.bulk.report import (
    BatchOutcome,
    BulkProgress,
    BulkReport,
    Outcome,
    Reason,
)
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
    ValidationError,
)


T = TypeVar("T")

#: Called with how far the run has got; an async function is awaited.
Progress = Callable[[BulkProgress], Awaitable[None] | None]

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


@attrs.frozen(kw_only=True)
class Run(Generic[T]):
    """What a bulk run is told.

    Attributes:
        kind: what is sent: one text to many, or a text to each.
        one_text: whether a refusal of the text dooms everybody.
        post: sends a chunk's document, and gives its batch id.
        values: the recipients.
        chunk_size: recipients in a chunk.
        concurrency: chunks in flight at a time.
        max_rate: chunks a second, or None.
        deduplicate: whether repeats are set aside.
        max_credits: estimated credits not to go beyond, or None.
        progress: called after each chunk, or None.
    """

    kind: Kind[T]
    one_text: bool
    post: Callable[[Any], Awaitable[str]]
    values: Iterable[Any] | AsyncIterable[Any]
    chunk_size: int
    concurrency: int
    max_rate: float | None
    deduplicate: bool
    max_credits: float | None
    progress: Progress | None


class Engine(Generic[T]):
    """Carries one run out, in memory: it reads as it sends.

    Once something dooms the rest, the rest is read all the same, so that the report accounts for
    everybody, but not sent.
    """

    def __init__(self, run: Run[T]) -> None:
        self._run = run
        self._reader = Reader(run.kind, run.chunk_size, deduplicate=run.deduplicate)
        self._limiter = None if run.max_rate is None else AsyncLimiter(1, 1 / run.max_rate)
        self._started = time.monotonic()
        self._in_flight: dict[asyncio.Task[BatchOutcome], Chunk[T]] = {}
        self._outcomes: list[BatchOutcome] = []
        self._recipients = dict.fromkeys(Outcome, 0)
        self._estimate = 0.0
        self._accepted_credits = 0.0
        # What dooms the rest; `_full` ends the run too, but lets go what was taken before it.
        self._halt: SMSWorksError | None = None
        self._full: ValidationError | None = None
        self._halt_abroad: SMSWorksError | None = None
        self._code_before: int | None = None
        self._at_hand: Chunk[T] | None = None

    async def carry_out(self) -> BulkReport:
        """Read, send, and report.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; what was in flight was
                waited for.
        """
        try:
            try:
                async for chunk in self._chunks():
                    self._at_hand = chunk
                    await self._take(chunk)
                    self._at_hand = None
                while self._in_flight:
                    await self._settle()
            except Exception as error:
                await self._finish_after(error)
        except BaseException as error:
            if not isinstance(error, Exception):
                error.add_note(await self._abandon())
            raise
        return self.report()

    async def _finish_after(self, error: Exception) -> NoReturn:
        """Wait for what is in flight: nobody is left in doubt over somebody else's bug."""
        self._run = attrs.evolve(self._run, progress=None)
        while self._in_flight:
            await self._settle()
        interrupted = NotSent(f"the run was interrupted by {type(error).__name__}")
        at_hand = [] if self._at_hand is None else [self._at_hand]
        for chunk in (*at_hand, *self._reader.finish()):
            await self._record(self._outcome(chunk, Outcome.NOT_SENT, error=interrupted), chunk)
        raise BulkInterrupted(
            f"{interrupted}; .report tells what became of the recipients read by then",
            report=self.report(),
        ) from error

    async def _chunks(self) -> AsyncIterator[Chunk[T]]:
        async for values in slices(self._run.values):
            for chunk in self._reader.take(values):
                yield chunk
            await asyncio.sleep(0)  # a long stretch of bad recipients does not hold up the answers
        for chunk in self._reader.finish():
            yield chunk

    async def _take(self, chunk: Chunk[T]) -> None:
        while len(self._in_flight) >= self._run.concurrency:
            await self._settle()
        limit = self._run.max_credits
        if limit is not None and self._estimate + chunk.credits > limit:
            self._full = ValidationError(
                f"max_credits of {limit:g} would have been exceeded", field="max_credits"
            )
        halted = self._halt or self._full or (self._halt_abroad if chunk.abroad else None)
        if halted is not None:
            await self._record(self._outcome(chunk, Outcome.NOT_SENT, error=halted), chunk)
            return
        self._estimate += chunk.credits
        task = asyncio.get_running_loop().create_task(self._send(chunk))
        self._in_flight[task] = chunk

    async def _send(self, chunk: Chunk[T]) -> BatchOutcome:
        try:
            async with self._limiter or nullcontext():
                if self._halt is not None:
                    return self._outcome(chunk, Outcome.NOT_SENT, error=self._halt)
                batch_id = await self._run.post(self._run.kind.document(chunk.items))
        except SMSWorksError as error:
            self._consider(error)
            return self._outcome(chunk, outcome_of(error), error=error)
        except Exception as error:
            # Not foreseen, so that nothing is known; the recipients are accounted for all the same.
            doubt = OutcomeUnknown(f"unforeseen: {type(error).__name__}", operation="bulk")
            doubt.__cause__ = error
            return self._outcome(chunk, Outcome.UNKNOWN, error=doubt)
        self._code_before = None
        return BatchOutcome(chunk.number, Outcome.ACCEPTED, len(chunk.items), batch_id)

    def _consider(self, error: SMSWorksError) -> None:
        doom = doom_of(error, self._code_before)
        self._code_before = error.code if isinstance(error, APIError) else None
        if doom is Doom.ABROAD:
            self._halt_abroad = error
        elif doom is Doom.ACCOUNT or (doom is Doom.TEXT and self._run.one_text):
            self._halt = self._halt or error

    def _outcome(self, chunk: Chunk[T], outcome: Outcome, *, error: SMSWorksError) -> BatchOutcome:
        destinations = tuple(map(self._run.kind.destination, chunk.items))
        return BatchOutcome(
            chunk.number, outcome, len(destinations), error=error, destinations=destinations
        )

    async def _settle(self) -> None:
        """Wait until a chunk in flight is done, and record what became of it."""
        done, _ = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            # Recorded before it is told, since the caller's callback may raise.
            await self._record(task.result(), self._in_flight.pop(task))

    async def _record(self, outcome: BatchOutcome, chunk: Chunk[T]) -> None:
        self._outcomes.append(outcome)
        self._recipients[outcome.outcome] += outcome.size
        if outcome.outcome is Outcome.ACCEPTED:
            self._accepted_credits += chunk.credits
        if self._run.progress is not None:
            told = self._run.progress(self.progress())
            if inspect.isawaitable(told):
                await told

    async def _abandon(self) -> str:
        """Give up what is in flight, and say what is known."""
        for task in self._in_flight:
            task.cancel()
        in_flight = sum(len(chunk.items) for chunk in self._in_flight.values())
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._in_flight.clear()
        accepted = self._recipients[Outcome.ACCEPTED]
        return (
            f"bulk: {accepted} recipients had been accepted; of {in_flight} whose batches were on "
            "their way it is not known"
        )

    def _counts(self) -> dict[str, int]:
        problems = self._reader.problems
        duplicates = sum(problem.reason is Reason.DUPLICATE for problem in problems)
        return {
            "read": self._reader.read,
            "accepted": self._recipients[Outcome.ACCEPTED],
            "rejected": self._recipients[Outcome.REJECTED],
            "unknown": self._recipients[Outcome.UNKNOWN],
            "not_sent": self._recipients[Outcome.NOT_SENT],
            "invalid": len(problems) - duplicates,
            "duplicates": duplicates,
        }

    def progress(self) -> BulkProgress:
        """Say how far the run has got."""
        return BulkProgress(
            **self._counts(),
            in_flight=sum(len(chunk.items) for chunk in self._in_flight.values()),
            seconds=time.monotonic() - self._started,
        )

    def report(self) -> BulkReport:
        """Say what became of everybody who was read."""
        return BulkReport(
            **self._counts(),
            batches=tuple(sorted(self._outcomes, key=lambda outcome: outcome.number)),
            problems=tuple(self._reader.problems),
            credits=self._accepted_credits,
            stopped=self._halt or self._full,
        )
