"""The gateway: the API operations that bulk uses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

from smsworks_async._http.operations import Operation
from smsworks_async._http.requester import Requester
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.bulk.source import BeforeRepeat, OnRetry, Post
from smsworks_async.bulk.timer import request_time
from smsworks_async.models.convert import format_date
from smsworks_async.models.incoming import Batch, MessageRecord, ScheduledMessage
from smsworks_async.models.outgoing import Query
from smsworks_async.resources._searching import MessageSearching
from smsworks_async.resources.batches import SCHEDULE, SEND, SEND_EACH, AsyncBatches
from smsworks_async.resources.credits import AsyncCredits
from smsworks_async.resources.messages import SCHEDULED


class BulkGateway:
    """The API operations of bulk, made with a client's requester."""

    def __init__(self, requester: Requester) -> None:
        # Requests of a campaign always have a time-out, even if the client has none.
        requester = requester.limited(request_time(requester.settings.timeout))
        self._requester = requester
        #: Returns the time by the provider's clock, once a response had a date.
        self.server_time = requester.server_time
        self._asked_for_the_time = False
        self._messages = MessageSearching(requester)
        self.message = self._messages.get
        batches = AsyncBatches(requester)
        self.get, self.cancel = batches.get, batches.cancel
        credits = AsyncCredits(requester)
        self.balance, self.cost = credits.balance, credits.cost
        # The wait for the rate is not part of a call, and does not count towards its time-out.
        self.acquire_rate = None if requester.settings.max_rate is None else requester.acquire_rate

    @property
    def timeout(self) -> float | None:
        """The time-out of one call in seconds, or None."""
        return self._requester.settings.timeout

    def iterate(self, **query: Any) -> AsyncGenerator[MessageRecord]:
        """Search page by page: see `AsyncMessages.iterate`.

        The destination is from a plan, and is not validated, since the client's settings may
        differ.
        """
        return self._messages._pages(Query(**query))  # noqa: SLF001 - a query as it is

    async def now(self) -> float | None:
        """Return the time by the provider's clock in POSIX seconds, if known.

        Raises:
            SMSWorksError: a request was necessary, and failed.
        """
        if self.server_time() is None and not self._asked_for_the_time:
            await self.balance()
            self._asked_for_the_time = True  # its response may have no date
        return self.server_time()

    async def scheduled(self) -> list[ScheduledMessage]:
        """Return the scheduled messages: see `AsyncMessages.scheduled`."""
        return await self._requester.request(SCHEDULED, into=list[ScheduledMessage])

    def post(self, payload: str, at: float | None = None) -> Post:
        """Return the function that sends a payload's documents.

        Args:
            payload: the payload's name.
            at: when its messages are due, in POSIX seconds; None for at once. Only a
                shared text can be scheduled.
        """
        operation: Operation = SEND_EACH
        due: dict[str, str] = {}
        if payload == SharedText.name:
            operation = SEND if at is None else SCHEDULE
        if at is not None:
            due["schedule"] = format_date(datetime.fromtimestamp(at, UTC))

        async def post(
            document: Any,
            expired: Callable[[], bool] | None,
            on_retry: OnRetry,
            before_repeat: BeforeRepeat,
        ) -> str:
            batch = await self._requester.request(
                operation,
                {**document, **due} if due else document,
                into=Batch,
                rate_acquired=True,
                expired=expired,
                on_retry=on_retry,
                before_repeat=before_repeat,
                is_inner=True,
            )
            return batch.batch_id

        return post
