"""What the engine works with: a source of chunks, and a function that posts their documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from smsworks_async.bulk.chunk import Chunk
from smsworks_async.errors import NotSent, SMSWorksError
from smsworks_async.journals.records import Control, Refused
from smsworks_async.models.report import BatchOutcome, BulkInterrupted, BulkReport
from smsworks_async.models.window import as_date


T = TypeVar("T")

#: Checks that a request may be repeated, or raises.
BeforeRepeat = Callable[[], Awaitable[None]]
#: Called with each failure after which a request is made again.
OnRetry = Callable[[SMSWorksError], None]
#: Sends a document, as long as its lease has not expired, and returns the batch id.
Post = Callable[[Any, Callable[[], bool] | None, OnRetry, BeforeRepeat], Awaitable[str]]


class Withdrawn(Exception):
    """A chunk may not be sent as it is, and goes back to where it came from.

    Args:
        why: what its recipients are told, as long as nothing else is known of them.
    """

    def __init__(self, why: SMSWorksError) -> None:
        super().__init__()
        self.why = why


def waits(refused: Refused) -> bool:
    """Return whether a run waits until it is allowed to send, and does not end."""
    window = refused.window
    return window is not None and refused.opens is not None and window.outside == "wait"


def stopped_by(refused: Refused, campaign: str) -> NotSent:
    """Return why what is left of a run is not sent: its claims are refused.

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
            return NotSent(f"{run} is halted{why}; send it again once that has been mended")
        case Control.CANCELLED:
            return NotSent(f"{run} was cancelled{why}")
        case Control.RUNNING if refused.window is None:
            return NotSent(f"{run} is {refused.why}")
        case Control.RUNNING:
            opens = "never" if refused.opens is None else as_date(refused.opens)
            return NotSent(f"{run} is {refused.why}; it opens next: {opens}")


class Source(Protocol[T]):
    """Where chunks come from, and where their outcomes are recorded."""

    async def has_more(self) -> bool:
        """Return whether there probably is another chunk, so that waiting for the rate is worth it.

        It may read one to find out.
        """
        ...

    @property
    def refused(self) -> Refused | None:
        """Why the last `next_chunk` returned none although there may be one; or None."""
        ...

    async def check(self, chunk: Chunk[T], *, again: bool) -> None:
        """Check that the request of a chunk may be written.

        Args:
            chunk: the chunk, as `next_chunk` returned it.
            again: whether that was a while ago, since the request is repeated.

        Raises:
            Withdrawn: it may not; nothing of it was sent, or what was sent was refused.
            JournalError: the journal cannot be read.
        """
        ...

    async def next_chunk(self, *, skip_international: SMSWorksError | None) -> Chunk[T] | None:
        """Return the next chunk to send; None when there are no more.

        Args:
            skip_international: why no chunk with recipients outside the UK may be sent, or None.
        """
        ...

    async def record_outcome(self, chunk: Chunk[T], outcome: BatchOutcome) -> None:
        """Record the outcome of a chunk that `next_chunk` returned."""
        ...

    async def split(self, chunk: Chunk[T]) -> None:
        """Replace a rejected chunk by its two halves."""
        ...

    async def requeue(self, chunk: Chunk[T], error: SMSWorksError) -> None:
        """Return a rejected chunk once more, later."""
        ...

    async def abandon_rest(self, why: SMSWorksError, *, read_on: bool) -> None:
        """Account for the chunks that will not be sent.

        Args:
            why: the reason.
            read_on: whether what is still unread is read, to the end, and accounted for as well.
        """
        ...

    def document(self, chunk: Chunk[T]) -> Any:
        """Return the body of a chunk's request."""
        ...

    def destinations(self, chunk: Chunk[T]) -> tuple[str, ...]:
        """Return the numbers that a chunk goes to."""
        ...

    def lease_expired(self, chunk: Chunk[T]) -> Callable[[], bool] | None:
        """Return the function that tells whether a chunk's lease has expired; None without one."""
        ...

    def counts(self) -> dict[str, int]:
        """Return the counts of a report."""
        ...

    def expected(self) -> dict[str, int]:
        """Return what is known ahead: ``planned`` and ``before``, as `BulkProgress` has them."""
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
    """Account for every recipient after the caller's own code raised; return what to raise."""
    why = NotSent(f"the run was interrupted by {type(error).__name__}")
    await source.abandon_rest(why, read_on=False)
    return BulkInterrupted(
        f"{why}; .report tells what became of the recipients read by then",
        report=await source.report(stopped),
    )
