"""The interfaces of the engine: a source of chunks, and a function that posts them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from smsworks_async.bulk.chunk import Chunk
from smsworks_async.errors import NotSent, SMSWorksError
from smsworks_async.journals.records import Control, Refused
from smsworks_async.models.report import BatchOutcome, BulkInterrupted, BulkReport
from smsworks_async.models.window import as_date


T = TypeVar("T")

#: Raises if a request must not be repeated.
BeforeRepeat = Callable[[], Awaitable[None]]
#: Called with each failure before a retry.
OnRetry = Callable[[SMSWorksError], None]
#: Sends a document unless its lease has expired, and returns the batch id.
Post = Callable[[Any, Callable[[], bool] | None, OnRetry, BeforeRepeat], Awaitable[str]]


class Withdrawn(Exception):
    """A chunk must not be sent in its current form, and is returned to its source.

    Args:
        why: the error to report for its recipients, unless they get another outcome later.
    """

    def __init__(self, why: SMSWorksError) -> None:
        super().__init__()
        self.why = why


def waits(refused: Refused) -> bool:
    """Return whether a run waits until it may send, instead of ending."""
    window = refused.window
    return window is not None and refused.opens is not None and window.outside == "wait"


def stopped_by(refused: Refused, campaign: str) -> NotSent:
    """Return the error for the unsent rest of a run whose claims are refused.

    Args:
        refused: the reason.
        campaign: the campaign's name; an empty string without one.
    """
    run = f"campaign {campaign!r}" if campaign else "the run"
    why = f": {refused.why}" if refused.why else ""
    match refused.control:
        case Control.PAUSED:
            return NotSent(f"{run} is paused{why}; bulk.resume lifts it")
        case Control.HALTED:
            return NotSent(f"{run} is halted{why}; send it again once the cause has been fixed")
        case Control.CANCELLED:
            return NotSent(f"{run} was cancelled{why}")
        case Control.RUNNING if refused.window is None:
            return NotSent(f"{run} is {refused.why}")
        case Control.RUNNING:
            opens = "never" if refused.opens is None else as_date(refused.opens)
            return NotSent(f"{run} is {refused.why}; it opens next: {opens}")


class Source(Protocol[T]):
    """The source of a run's chunks, which also records their outcomes."""

    async def has_more(self) -> bool:
        """Return whether there is probably another chunk, for which to wait for the rate.

        It may read one to find out.
        """
        ...

    @property
    def refused(self) -> Refused | None:
        """Why the last `next_chunk` returned None although there may be a chunk; or None."""
        ...

    async def check(self, chunk: Chunk[T], *, again: bool) -> None:
        """Check that the request of a chunk may be written.

        Args:
            chunk: the chunk, as `next_chunk` returned it.
            again: whether this is a retry, so that some time has passed.

        Raises:
            Withdrawn: it must not be written; nothing was sent, or what was sent was rejected.
            JournalError: the journal cannot be read.
        """
        ...

    async def next_chunk(self, *, skip_international: SMSWorksError | None) -> Chunk[T] | None:
        """Return the next chunk to send; None if there are no more.

        Args:
            skip_international: the error because of which chunks outside the UK are skipped, or
                None.
        """
        ...

    async def record_outcome(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Record the outcome of a chunk that `next_chunk` returned."""
        ...

    async def split(self, chunk: Chunk[T]) -> None:
        """Replace a rejected chunk by its two halves."""
        ...

    async def requeue(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Return a rejected chunk again later."""
        ...

    async def abandon_rest(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Account for the chunks that will not be sent.

        Args:
            why: the reason.
            read_on: whether to read the remaining recipients, and account for them as well.
        """
        ...

    def document(self, chunk: Chunk[T]) -> Any:
        """Return the body of a chunk's request."""
        ...

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Return the numbers of a chunk."""
        ...

    def lease_expired(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Return the function that tells whether a chunk's lease has expired; None without one."""
        ...

    def counts(self) -> dict[str, int]:
        """Return the counts of a report."""
        ...

    def expected(self) -> dict[str, int]:
        """Return the counts known in advance: ``planned`` and ``before`` of `BulkProgress`."""
        ...

    async def report(self, stopped: SMSWorksError | None) -> BulkReport:
        """Return the report of the run.

        Args:
            stopped: why it stopped early, or None.
        """
        ...


async def interrupted(
    source: Source[Any], error: BaseException, stopped: SMSWorksError | None
) -> BulkInterrupted:
    """Account for every recipient after the caller's code raised; return the error to raise."""
    why = NotSent(f"the run was interrupted by {type(error).__name__}")
    await source.abandon_rest(why, read_on=False)
    return BulkInterrupted(
        f"{why}; .report has the outcomes of the recipients read so far",
        report=await source.report(stopped),
    )
