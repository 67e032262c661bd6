"""The dispatcher: every bulk run, with a journal or without, sends its chunks through one."""

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
    """Sends the chunks of one run; what it has learned of the rate holds for all of its sources.

    Args:
        payload: what is sent.
        gateway: sends it.
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
        """Send nothing more; what is in flight goes on to its end."""
        self._stopped = self._stopped or why
        if self._engine is not None:
            self._engine.stop(self._stopped)

    @property
    def halt(self) -> SMSWorksError | None:
        """Why the last source was not sent whole; None if it was."""
        return None if self._engine is None else self._engine.halt

    async def send(self, source: Source[T]) -> SMSWorksError | None:
        """Send the chunks of a source, and record their outcomes there.

        Returns:
            Why it was not sent whole; None if it was.

        Raises:
            BulkInterrupted: the caller's iterable or callback raised; requests in flight were
                waited for.
            JournalError: the journal cannot be read or written; likewise.
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
