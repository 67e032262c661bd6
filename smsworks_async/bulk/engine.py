"""The engine: carries chunks out, so many at a time, and tells their source what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar

from smsworks_async._failures import is_about_one, scope_of
from smsworks_async._http.transport import being_cancelled
from smsworks_async.bulk.progress import CallbackRaised, Reporter, log
from smsworks_async.bulk.recipients import Chunk
from smsworks_async.bulk.throttle import LONGEST_PAUSE, Pace
from smsworks_async.errors import (
    APIError,
    ConfigurationError,
    JournalError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RejectionScope,
    SMSWorksError,
)
from smsworks_async.models.report import (
    BatchOutcome,
    BulkInterrupted,
    BulkReport,
    Outcome,
    Phase,
    outcome_of,
)
from smsworks_async.rates import RateRaised


T = TypeVar("T")

#: Called with each failure after which a request is made again.
OnRetry = Callable[[SMSWorksError], None]
#: Sends a document, as long as it has not expired, and gives its batch id.
Post = Callable[[Any, Callable[[], bool] | None, OnRetry], Awaitable[str]]

#: How often a chunk is held back after a 429 that asks for a longer wait than a call has time for.
_HOLD_BACK: Final = 3
#: Refusals in a row, with nobody accepted between them, after which chunks are no longer split:
#: more than halving 500 down to one takes, so that it is not one recipient that is at fault.
_SPLITS: Final = 20


class Source(Protocol[T]):
    """Where chunks come from, and where it is kept what became of them."""

    async def has_more(self) -> bool:
        """Say whether there is probably another chunk, so that waiting for a turn makes sense."""
        ...

    async def take(self, *, abroad: SMSWorksError | None) -> Chunk[T] | None:
        """Give the next chunk to send; None when there are no more.

        Args:
            abroad: why there may be none with recipients outside the UK, or None.
        """
        ...

    async def finish(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Keep what became of a chunk."""
        ...

    async def split(self, chunk: Chunk[T]) -> None:
        """Put two halves in a refused chunk's place."""
        ...

    async def hold_back(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Have a refused chunk taken again."""
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

    def expiry(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Give what says whether a chunk's request may not leave any more; or None."""
        ...

    def counts(self) -> dict[str, int]:
        """Give the counts of a report."""
        ...

    def expected(self) -> dict[str, int]:
        """Give what is known ahead: ``planned`` and ``before``, as `BulkProgress` has them."""
        ...

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Say what became of everybody."""
        ...


class Engine(Generic[T]):
    """Carries out what a source gives.

    Args:
        source: where chunks come from.
        post: sends a chunk's document.
        pace: how fast.
        reporter: tells how far the run has got.
        one_text: whether a refusal of the text dooms everybody.
    """

    def __init__(
        self,
        source: Source[T],
        post: Post,
        pace: Pace,
        *,
        reporter: Reporter | None = None,
        one_text: bool,
    ) -> None:
        self._source = source
        self._post = post
        self._pace = pace
        self._reporter = reporter or Reporter()
        self._one_text = one_text
        self._started = time.monotonic()
        self._taking = asyncio.Lock()
        self._drained = False
        self._put_back = 0
        self._waiting: set[asyncio.Task[Any] | None] = set()
        self._in_flight: dict[int, int] = {}
        self._held_back: dict[int, int] = {}
        self._halt_abroad: SMSWorksError | None = None
        self._code_before: int | None = None
        self._refusals = 0
        self._broken: BaseException | None = None
        self._abandoned = False
        #: What dooms the rest, once it is known.
        self.halt: SMSWorksError | None = None

    async def carry_out(self) -> None:
        """Send what the source gives, until it gives no more or something dooms the rest.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; what was in flight was
                waited for.
            JournalError: the journal cannot be read or written; likewise.
        """
        loop = asyncio.get_running_loop()
        workers: list[asyncio.Task[None]] = []
        self._reporter.counts = self._counts
        try:
            self._reporter.begin(Phase.SENDING)
            workers += [loop.create_task(self._work()) for _ in range(self._pace.concurrency)]
            pending = set(workers)
            while pending:
                done, pending = await asyncio.wait(
                    pending,
                    timeout=self._reporter.interval,
                    return_when=asyncio.FIRST_EXCEPTION,
                )
                for worker in done:
                    worker.result()
                if pending:
                    await self._beat()
        except BaseException as error:
            error.add_note(await self._abandon(workers))
            raise
        if self.halt is not None and self._broken is None:
            try:
                await self._source.leave(self.halt, read_on=True)
            except Exception as error:
                self._broken = error
        if self._broken is not None:
            await self._finish_after(self._broken)

    async def _work(self) -> None:
        try:
            while (taken := await self._take()) is not None:
                chunk, turn = taken
                succeeded = False
                try:
                    succeeded = await self._send(chunk, turn)
                finally:
                    self._pace.done(succeeded=succeeded)
                if self._broken is None:
                    await self._reporter.tell(Phase.SENDING)
        except (CallbackRaised, RateRaised) as raised:
            self._break(raised.error)
        except Exception as error:  # raised by `carry_out`, when the others have come to an end
            self._break(error)
        except asyncio.CancelledError as error:
            if being_cancelled() or self._abandoned:
                raise
            self._break(error)  # the caller's own code raised it

    async def _beat(self) -> None:
        """Return what the run is doing: sending, or waiting until it may."""
        if self._broken is not None:
            return
        try:
            if self._in_flight or not self._waiting:
                await self._reporter.enter(Phase.SENDING)
            elif pause := self._pace.held_back:
                words = "the pause that the API asked for"
                await self._reporter.enter(Phase.WAITING_FOR_RATE, words, pause)
            else:
                await self._reporter.enter(Phase.WAITING_FOR_RATE, "the rate of requests")
        except CallbackRaised as raised:
            self._break(raised.error)
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            self._break(error)  # the caller's own code raised it

    def _break(self, error: BaseException) -> None:
        self._broken = self._broken or error
        self._stop(NotSent("the run was interrupted"))

    def _over(self) -> bool:
        return self._drained or self.halt is not None or self._broken is not None

    async def _take(self) -> tuple[Chunk[T], int] | None:
        """Take a chunk when it is its turn.

        Where turns are paced, one worker at a time waits for one, and only if there is something
        left to take then. Otherwise all may take at the same time, so that a journal can start
        several chunks together.
        """
        async with self._taking if self._pace.is_paced else nullcontext():
            while not self._over():
                if self._pace.is_paced and not await self._source.has_more():
                    self._drained = True
                elif (turn := await self._turn()) is not None:
                    chunk = await self._take_with(turn)
                    if chunk is not None:
                        return chunk, turn
        return None

    async def _turn(self) -> int | None:
        """Wait for a turn; None when the run is over meanwhile."""
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            return await self._pace.turn()
        except ConfigurationError as error:  # the client is closed
            self._stop(error)
        except asyncio.CancelledError:
            if task in self._waiting:  # nobody but `_stop` takes it out
                raise
        finally:
            self._waiting.discard(task)
        return None

    def _stop(self, why: SMSWorksError) -> None:
        """Send nothing more, and do not wait for a turn to do so."""
        self.halt = self.halt or why
        waiting, self._waiting = self._waiting, set()
        for task in waiting - {asyncio.current_task()}:
            if task is not None:
                task.cancel()
                task.uncancel()

    async def _take_with(self, turn: int) -> Chunk[T] | None:
        """Take a chunk, or give the turn back."""
        put_back = self._put_back
        try:
            chunk = await self._source.take(abroad=self._halt_abroad)
            if chunk is not None and await self._may_go(chunk):
                return chunk
        except BaseException:
            self._pace.done(succeeded=False)
            raise
        # What was put back meanwhile is still to be taken.
        self._drained = chunk is None and put_back == self._put_back
        self._pace.done(succeeded=False)
        return None

    async def _may_go(self, chunk: Chunk[T]) -> bool:
        """Say whether a chunk may go, though meanwhile others may have met what dooms it."""
        why = self.halt or (self._halt_abroad if chunk.abroad else None)
        if self._broken is not None:
            why = NotSent("the run was interrupted")
        if why is not None:
            await self._source.finish(chunk, self._outcome(chunk, Outcome.NOT_SENT, why))
        return why is None

    async def _send(self, chunk: Chunk[T], turn: int) -> bool:
        """Send a chunk, and keep what becomes of it; say whether it was accepted."""
        source = self._source
        self._in_flight[chunk.number] = len(chunk.items)
        try:
            batch_id = await self._post(
                source.document(chunk),
                source.expiry(chunk),
                lambda error: self._pace.slow_down(turn, error),
            )
        except SMSWorksError as error:
            self._pace.slow_down(turn, error)
            await self._refused(chunk, error)
        except RateRaised as raised:  # before the request, or before it was repeated
            why = NotSent("the run was interrupted")
            await source.finish(chunk, self._outcome(chunk, Outcome.NOT_SENT, why))
            self._break(raised.error)
        except Exception as error:
            # Not foreseen, so that nothing is known; the recipients are accounted for all the same.
            doubt = OutcomeUnknown(f"unforeseen: {type(error).__name__}", operation="bulk")
            doubt.__cause__ = error
            await source.finish(chunk, self._outcome(chunk, Outcome.UNKNOWN, doubt))
        except asyncio.CancelledError:
            doubt = OutcomeUnknown("cancelled before its answer came", operation="bulk")
            await source.finish(chunk, self._outcome(chunk, Outcome.UNKNOWN, doubt))
            raise
        else:
            self._code_before = None
            self._refusals = 0
            accepted = BatchOutcome(chunk.number, Outcome.ACCEPTED, len(chunk.items), batch_id)
            await source.finish(chunk, accepted)
            return True
        finally:
            del self._in_flight[chunk.number]
        return False

    async def _refused(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        if self._is_held_back(chunk, error):
            await self._source.hold_back(chunk, error)
            self._take_again()
            return
        if (
            len(chunk.items) > 1
            and not chunk.resent
            and self._refusals < _SPLITS
            and is_about_one(error, one_text=self._one_text)
        ):
            self._refusals += 1
            await self._source.split(chunk)
            self._take_again()
            return
        self._consider(error)
        await self._source.finish(chunk, self._outcome(chunk, outcome_of(error), error))

    def _take_again(self) -> None:
        self._put_back += 1
        self._drained = False

    def _is_held_back(self, chunk: Chunk[T], error: SMSWorksError) -> bool:
        if not isinstance(error, RateLimited) or error.permanent or error.retry_after is None:
            return False
        if error.retry_after > LONGEST_PAUSE:  # it ends the run, and is told why
            self._stop(error)
            return False
        count = self._held_back[chunk.number] = self._held_back.get(chunk.number, 0) + 1
        return count <= _HOLD_BACK

    def _consider(self, error: SMSWorksError) -> None:
        scope = scope_of(error, self._code_before)
        self._code_before = error.code if isinstance(error, APIError) else None
        if scope is RejectionScope.INTERNATIONAL:
            self._halt_abroad = error
        elif scope is RejectionScope.ACCOUNT or (scope is RejectionScope.TEXT and self._one_text):
            self._stop(error)

    def _outcome(self, chunk: Chunk[T], outcome: Outcome, error: SMSWorksError) -> BatchOutcome:
        if outcome is Outcome.UNKNOWN:
            log.warning(
                "%s: chunk %d of %d recipients is unknown: %s",
                *(self._reporter.name, chunk.number, len(chunk.items), type(error).__name__),
            )
        destinations = self._source.destinations(chunk)
        return BatchOutcome(
            chunk.number, outcome, len(destinations), error=error, destinations=destinations
        )

    async def _finish_after(self, error: BaseException) -> NoReturn:
        """Nobody is left in doubt over somebody else's bug: say what became of everybody."""
        if isinstance(error, JournalError):
            raise error
        raise await interrupted(self._source, error, self.halt) from error

    async def _abandon(self, workers: list[asyncio.Task[None]]) -> str:
        """Give up what is in flight, and say what is known."""
        self._abandoned = True
        for worker in workers:
            worker.cancel()
        in_flight = sum(self._in_flight.values())
        await asyncio.gather(*workers, return_exceptions=True)
        accepted = self._source.counts()["accepted"]
        return (
            f"bulk: {accepted} recipients had been accepted; of {in_flight} whose batches were on "
            "their way it is not known"
        )

    def _counts(self) -> dict[str, Any]:
        """Return the counts of `BulkProgress`."""
        return {
            **self._source.counts(),
            **self._source.expected(),
            "in_flight": sum(self._in_flight.values()),
            "seconds": time.monotonic() - self._started,
        }


async def interrupted(
    source: Source[Any], error: BaseException, stopped: SMSWorksError | None
) -> BulkInterrupted:
    """Account for every recipient after the caller's own code raised; return what to raise."""
    why = NotSent(f"the run was interrupted by {type(error).__name__}")
    await source.leave(why, read_on=False)
    return BulkInterrupted(
        f"{why}; .report tells what became of the recipients read by then",
        report=await source.report(stopped),
    )
