"""The dispatcher, which sends the chunks of every bulk run, with or without a journal."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.engine import Engine
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.bulk.progress import Reporter
from smsworks_async.bulk.source import Source
from smsworks_async.bulk.throttle import Throttle
from smsworks_async.errors import SMSWorksError


T = TypeVar("T")


class Dispatcher(Generic[T]):
    """Sends the chunks of one run. The throttle is shared by all its sources.

    Args:
        payload: the payload.
        gateway: the API.
        options: the run's concurrency and rate.
        reporter: reports progress.
        at: when its messages are due, in POSIX seconds; None for at once.
    """

    def __init__(
        self,
        payload: Payload[T],
        gateway: BulkGateway,
        options: Options,
        reporter: Reporter,
        at: float | None = None,
    ) -> None:
        self._post = gateway.post(payload.name, at)
        self._throttle = Throttle(
            options.concurrency, options.max_rate, acquire_rate=gateway.acquire_rate
        )
        self._reporter = reporter
        self._is_shared = payload.name == SharedText.name
        self._engine: Engine[Any] | None = None
        self._stopped: SMSWorksError | None = None

    def stop(self, why: SMSWorksError) -> None:
        """Send nothing more; requests in flight are completed."""
        self._stopped = self._stopped or why
        if self._engine is not None:
            self._engine.stop(self._stopped)

    @property
    def halt(self) -> SMSWorksError | None:
        """The reason why the last source was not sent completely, or None."""
        return None if self._engine is None else self._engine.halt

    async def send(self, source: Source[T]) -> SMSWorksError | None:
        """Send the chunks of a source, and record their outcomes there.

        Returns:
            The reason why it was not sent completely, or None.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; requests in flight were
                completed.
            JournalError: the journal cannot be read or written; requests in flight were completed.
        """
        engine = self._engine = Engine(
            source,
            self._post,
            self._throttle,
            reporter=self._reporter,
            shared_text=self._is_shared,
        )
        if self._stopped is not None:
            engine.stop(self._stopped)
        await engine.run()
        return engine.halt
