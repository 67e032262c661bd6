"""The engine: sends the chunks of a source concurrently, and records their outcomes there."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext, suppress
from typing import Any, Generic, NoReturn, TypeVar

from smsworks_async._http.transport import being_cancelled
from smsworks_async.bulk.chunk import Chunk
from smsworks_async.bulk.progress import CallbackRaised, Reporter, log
from smsworks_async.bulk.refusals import Action, Refusals
from smsworks_async.bulk.source import Post, Source, Withdrawn, interrupted
from smsworks_async.bulk.throttle import Throttle
from smsworks_async.errors import (
    ConfigurationError,
    JournalError,
    NotSent,
    OutcomeUnknown,
    SMSWorksError,
)
from smsworks_async.models.report import BatchOutcome, Outcome, Phase, outcome_of
from smsworks_async.rates import RateRaised


T = TypeVar("T")


class Engine(Generic[T]):
    """Sends the chunks of a source.

    Args:
        source: the source of chunks.
        post: sends a chunk's document.
        throttle: limits concurrency and rate.
        reporter: reports progress.
        shared_text: whether all recipients get the same text, so that its rejection concerns all.
    """

    def __init__(
        self,
        source: Source[T],
        post: Post,
        throttle: Throttle,
        *,
        reporter: Reporter | None = None,
        shared_text: bool,
    ) -> None:
        self._source = source
        self._post = post
        self._throttle = throttle
        self._reporter = reporter or Reporter()
        self._refusals = Refusals(shared_text=shared_text)
        self._started = time.monotonic()
        self._taking = asyncio.Lock()
        self._drained = False
        self._put_back = 0
        self._waiting: set[asyncio.Task[Any] | None] = set()
        self._in_flight: dict[int, int] = {}
        self._broken: BaseException | None = None
        self._abandoned = False
        #: The error because of which the rest is not sent, or None.
        self.halt: SMSWorksError | None = None

    async def run(self) -> None:
        """Send chunks until the source has no more, or a rejection concerns all the rest.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; requests in flight were
                completed.
            JournalError: the journal cannot be read or written; requests in flight were completed.
        """
        loop = asyncio.get_running_loop()
        workers: list[asyncio.Task[None]] = []
        self._reporter.counts = self._counts
        try:
            self._reporter.begin(Phase.SENDING)
            workers += [loop.create_task(self._work()) for _ in range(self._throttle.concurrency)]
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
                    await self._report_progress()
        except BaseException as error:
            error.add_note(await self._abandon(workers))
            raise
        if self.halt is not None and self._broken is None:
            try:
                await self._source.abandon_rest(self.halt, read_on=True)
            except Exception as error:
                self._broken = error
        if self._broken is not None:
            await self._finish_after(self._broken)

    async def _work(self) -> None:
        try:
            while (taken := await self._next_chunk()) is not None:
                chunk, permit = taken
                succeeded = False
                try:
                    succeeded = await self._send(chunk, permit)
                finally:
                    self._throttle.release(succeeded=succeeded)
                if self._broken is None:
                    await self._reporter.notify(Phase.SENDING)
        except (CallbackRaised, RateRaised) as raised:
            self._break(raised.error)
        except Exception as error:  # raised by `run` when the other workers have ended
            self._break(error)
        except asyncio.CancelledError as error:
            if being_cancelled() or self._abandoned:
                raise
            self._break(error)  # raised by the caller's code

    async def _report_progress(self) -> None:
        """Report whether the run is sending, or waiting to send."""
        if self._broken is not None:
            return
        try:
            if self._in_flight or not self._waiting:
                await self._reporter.enter(Phase.SENDING)
            elif pause := self._throttle.pause_left:
                words = "the pause requested by the API"
                await self._reporter.enter(Phase.WAITING_FOR_RATE, words, pause)
            else:
                await self._reporter.enter(Phase.WAITING_FOR_RATE, "the rate of requests")
        except CallbackRaised as raised:
            self._break(raised.error)
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            self._break(error)  # raised by the caller's code

    def _break(self, error: BaseException) -> None:
        self._broken = self._broken or error
        self.stop(NotSent("the run was interrupted"))

    def _over(self) -> bool:
        return self._drained or self.halt is not None or self._broken is not None

    async def _next_chunk(self) -> tuple[Chunk[T], int] | None:
        """Return the next chunk once it may be sent, with its permit.

        With a rate, one worker at a time waits for it, and only if the source has more chunks.
        Without one, all workers take chunks concurrently, so that a journal can claim several in
        one transaction.
        """
        async with self._taking if self._throttle.is_paced else nullcontext():
            while not self._over():
                if self._throttle.is_paced and not await self._source.has_more():
                    self._drained = True
                elif (permit := await self._acquire()) is not None:
                    chunk = await self._take()
                    if chunk is not None:
                        return chunk, permit
        return None

    async def _acquire(self) -> int | None:
        """Wait until a request may be sent; return None if the run has ended meanwhile."""
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            return await self._throttle.acquire()
        except ConfigurationError as error:  # the client is closed
            self.stop(error)
        except asyncio.CancelledError:
            if task in self._waiting:  # only `stop` removes it
                raise
        finally:
            self._waiting.discard(task)
        return None

    def stop(self, why: SMSWorksError) -> None:
        """Send nothing more, and end all waits for the rate; requests in flight continue."""
        self.halt = self.halt or why
        waiting, self._waiting = self._waiting, set()
        for task in waiting - {asyncio.current_task()}:
            if task is not None:
                task.cancel()
                task.uncancel()

    async def _take(self) -> Chunk[T] | None:
        """Return a chunk that may be sent; release the throttle if there is none."""
        put_back = self._put_back
        try:
            chunk = await self._source.next_chunk(
                skip_international=self._refusals.international_halt
            )
            if chunk is not None and await self._may_be_sent(chunk):
                return chunk
        except BaseException:
            self._throttle.release(succeeded=False)
            raise
        # Chunks may have been returned meanwhile.
        self._drained = chunk is None and put_back == self._put_back
        self._throttle.release(succeeded=False)
        return None

    async def _may_be_sent(self, chunk: Chunk[T]) -> bool:
        """Return whether a chunk may still be sent; others may have been rejected meanwhile."""
        why = self.halt or (self._refusals.international_halt if chunk.international else None)
        if self._broken is not None:
            why = NotSent("the run was interrupted")
        if why is not None:
            await self._source.record_outcome(chunk, self._outcome(chunk, Outcome.NOT_SENT, why))
        return why is None

    async def _send(self, chunk: Chunk[T], permit: int) -> bool:
        """Send a chunk, and record its outcome; return whether it was accepted."""
        source = self._source
        self._in_flight[chunk.number] = len(chunk.items)
        try:
            await source.check(chunk, again=False)
            batch_id = await self._post(
                source.document(chunk),
                source.lease_expired(chunk),
                lambda error: self._throttle.back_off(permit, error),
                lambda: source.check(chunk, again=True),
            )
        except Withdrawn as withdrawn:
            await self._put_back_for(chunk, withdrawn.why)
        except JournalError:  # raised by a check before the request
            why = NotSent("the journal could not be read before the request")
            await source.record_outcome(chunk, self._outcome(chunk, Outcome.NOT_SENT, why))
            raise
        except SMSWorksError as error:
            self._throttle.back_off(permit, error)
            await self._handle_failure(chunk, error)
        except RateRaised as raised:  # raised before the request or a retry
            why = NotSent("the run was interrupted")
            await source.record_outcome(chunk, self._outcome(chunk, Outcome.NOT_SENT, why))
            self._break(raised.error)
        except Exception as error:
            # Unexpected, so the outcome is unknown; the recipients are still accounted for.
            doubt = OutcomeUnknown(f"unforeseen: {type(error).__name__}", operation="bulk")
            doubt.__cause__ = error
            await source.record_outcome(chunk, self._outcome(chunk, Outcome.UNKNOWN, doubt))
        except asyncio.CancelledError:
            doubt = OutcomeUnknown("cancelled before a response arrived", operation="bulk")
            await source.record_outcome(chunk, self._outcome(chunk, Outcome.UNKNOWN, doubt))
            raise
        else:
            self._refusals.accepted()
            accepted = BatchOutcome(chunk.number, Outcome.ACCEPTED, len(chunk.items), batch_id)
            await source.record_outcome(chunk, accepted)
            return True
        finally:
            del self._in_flight[chunk.number]
        return False

    async def _handle_failure(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        action = self._refusals.decide(chunk, error)
        if self._refusals.halt is not None:
            self.stop(self._refusals.halt)
        if action is Action.RECORD:
            outcome = self._outcome(chunk, outcome_of(error), error)
            await self._source.record_outcome(chunk, outcome)
            return
        if action is Action.REQUEUE:
            await self._put_back_for(chunk, error)
            return
        await self._source.split(chunk)
        self._put_back += 1
        self._drained = False

    async def _put_back_for(self, chunk: Chunk[T], why: SMSWorksError) -> None:
        await self._source.requeue(chunk, why)
        self._put_back += 1
        self._drained = False

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
        """Raise `BulkInterrupted`, with a report of every recipient."""
        if isinstance(error, JournalError):
            raise error
        raise await interrupted(self._source, error, self.halt) from error

    async def _abandon(self, workers: list[asyncio.Task[None]]) -> str:
        """Cancel the requests in flight, and return a note about the outcomes.

        A further cancellation does not interrupt their records, for which the journal is still
        open. The run is ending anyway.
        """
        self._abandoned = True
        for worker in workers:
            worker.cancel()
        in_flight = sum(self._in_flight.values())
        ended = asyncio.gather(*workers, return_exceptions=True)
        while not ended.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(ended)
        accepted = self._source.counts()["accepted"]
        if not in_flight:
            return f"bulk: {accepted} recipients were accepted; no request was in flight"
        return (
            f"bulk: {accepted} recipients were accepted; the outcome of {in_flight} recipients in "
            "flight is unknown"
        )

    def _counts(self) -> dict[str, Any]:
        return {
            **self._source.counts(),
            **self._source.expected(),
            "in_flight": sum(self._in_flight.values()),
            "seconds": time.monotonic() - self._started,
        }
