"""What the engine works with: a source of chunks, and a function that posts their documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from smsworks_async.bulk.chunk import Chunk
from smsworks_async.errors import NotSent, SMSWorksError
from smsworks_async.models.report import BatchOutcome, BulkInterrupted, BulkReport


T = TypeVar("T")

#: Called with each failure after which a request is made again.
OnRetry = Callable[[SMSWorksError], None]
#: Sends a document, as long as its lease has not expired, and returns the batch id.
Post = Callable[[Any, Callable[[], bool] | None, OnRetry], Awaitable[str]]


class Source(Protocol[T]):
    """Where chunks come from, and where their outcomes are recorded."""

    async def has_more(self) -> bool:
        """Return whether there probably is another chunk, so that waiting for the rate is worth it.

        It may read one to find out.
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
