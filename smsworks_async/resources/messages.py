"""Single messages: send, schedule, look up, search, delete."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Final, Unpack

from smsworks_async.answers import Operation
from smsworks_async.calls import Calls
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.models import checks
from smsworks_async.models.checks import made
from smsworks_async.models.incoming import (
    Acknowledgement,
    MessageRecord,
    ScheduledMessage,
    SentMessage,
)
from smsworks_async.models.outgoing import (
    REFERENCE,
    Message,
    MessageFields,
    Query,
    ScheduledOne,
    SearchFields,
)
from smsworks_async.resources._base import Resource


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage
    from smsworks_async.replies import Bookmark
    from smsworks_async.waiting import Waits


_SEND: Final = Operation("POST", "/message/send")
_FLASH: Final = Operation("POST", "/message/flash")
_SCHEDULE: Final = Operation("POST", "/message/schedule")
_SCHEDULED: Final = Operation("GET", "/messages/schedule", repeatable=True)
_CANCEL: Final = Operation("DELETE", "/messages/schedule/{}", repeatable=True)
_GET: Final = Operation("GET", "/messages/{}", repeatable=True)
_DELETE: Final = Operation("DELETE", "/messages/{}", repeatable=True)
_SEARCH: Final = Operation("POST", "/messages", repeatable=True)
_FAILED: Final = Operation("POST", "/messages/failed", repeatable=True)
# What it answers with is unread no longer, so that a repetition would lose it.
_INBOX: Final = Operation("POST", "/messages/inbox")

#: How many records one page of `AsyncMessages.iterate` holds, by default and at most.
PAGE_SIZE: Final = 1000
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
#: The longest pause that failures make `AsyncMessages.incoming` take, in seconds.
LONGEST_PAUSE: Final = 60.0


class AsyncMessages(Resource):
    """Single messages."""

    def __init__(
        self, calls: Calls, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        super().__init__(calls)
        self._sleep = sleep

    @functools.cached_property
    def _waits(self) -> Waits:
        from smsworks_async.waiting import Waits  # when somebody waits, and not before

        return Waits(self, sleep=self._sleep)

    async def send(self, **message: Unpack[MessageFields]) -> SentMessage:
        """Send one text to one recipient.

        Args:
            **message: ``sender``, ``destination`` and ``content``, and if you like ``tag``,
                ``delivery_report_url``, ``ttl``, ``validity``, ``ai``, ``metadata``,
                ``reference`` and ``response_email``; `MessageFields` explains them.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated. `find` looks for it by
                its ``reference``.
        """
        return await self._calls.make(_SEND, made(Message, message), into=SentMessage)

    async def flash(self, **message: Unpack[MessageFields]) -> SentMessage:
        """Send a flash message, which appears on the lock screen; otherwise as `send`."""
        return await self._calls.make(_FLASH, made(Message, message), into=SentMessage)

    async def schedule(self, *, at: datetime, **message: Unpack[MessageFields]) -> Acknowledgement:
        """Have one text sent later.

        Args:
            at: when: a datetime that says its time zone, at most 60 seconds in the past.
            **message: as for `send`.

        Raises:
            As `send`.
        """
        return await self._calls.make(
            _SCHEDULE, made(ScheduledOne, {**message, "at": at}), into=Acknowledgement
        )

    async def scheduled(self) -> list[ScheduledMessage]:
        """List what was scheduled in the last three months, and what is still to come."""
        return await self._calls.make(_SCHEDULED, into=list[ScheduledMessage])

    async def cancel(self, message_id: str) -> Acknowledgement:
        """Cancel a scheduled message.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_CANCEL, message_id, Acknowledgement, "message_id")

    async def get(self, message_id: str) -> MessageRecord:
        """Look one message up.

        Raises:
            NotFound: there is no such message. Records vanish after three months, or their `ttl`.
        """
        return await self._on(_GET, message_id, MessageRecord, "message_id")

    async def delete(self, message_id: str) -> Acknowledgement:
        """Delete a message's record.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_DELETE, message_id, Acknowledgement, "message_id")

    async def search(self, **query: Unpack[SearchFields]) -> list[MessageRecord]:
        """Search the account's messages; at most 1000 in one answer, in the API's own order.

        Args:
            **query: any of ``status``, ``destination``, ``sender``, ``keyword``, ``tag``,
                ``credits``, ``from_``, ``to``, ``metadata``, ``unread``, ``limit`` and ``skip``;
                `SearchFields` explains them.
        """
        return await self._calls.make(_SEARCH, made(Query, query), into=list[MessageRecord])

    async def failed(self, **query: Unpack[SearchFields]) -> list[MessageRecord]:
        """Search the messages that failed; otherwise as `search`."""
        return await self._calls.make(_FAILED, made(Query, query), into=list[MessageRecord])

    async def find(
        self, *, reference: str, destination: str | int | None = None
    ) -> MessageRecord | None:
        """Look for a message by the reference that it was sent with: found, or not known.

        This rests on the provider's search, which may lag behind, forgets after three months (or
        the message's `ttl`), and shows no metadata in its answers. So the search is asked a second
        time, for a reference that nobody has: if that finds messages too, it does not look at
        metadata, and what it found proves nothing.

        Args:
            reference: as it was given to `send`.
            destination: the recipient's number, to narrow the search.

        Returns:
            The message, the newest where several bear the reference; None where it is not known.
            That is no proof that it was not sent.
        """
        found = await self._bearing(checks.reference(reference), destination)
        if not found:
            return None
        if any(REFERENCE not in record.metadata for record in found):
            stranger = f"nobody-{uuid.uuid4().hex}"
            if await self._bearing(stranger, destination):
                return None
        return max(found, key=lambda record: record.created or _LONG_AGO)

    async def _bearing(self, reference: str, destination: str | int | None) -> list[MessageRecord]:
        records = await self.search(destination=destination, metadata={REFERENCE: reference})
        return [
            record
            for record in records
            if record.metadata.get(REFERENCE, reference) == reference
            and record.status != "INCOMING"
        ]

    async def inbox(self, **query: Unpack[SearchFields]) -> list[MessageRecord]:
        """Give the unread incoming messages, which marks them as read.

        Raises:
            OutcomeUnknown: the answer was lost, and messages may be marked as read. They are still
                found by ``search(status="INCOMING")``.
        """
        return await self._calls.make(_INBOX, made(Query, query), into=list[MessageRecord])

    async def iterate(self, **query: Unpack[SearchFields]) -> AsyncGenerator[MessageRecord]:
        """Search page by page, and give every record once.

        A page that repeats the one before it ends the iteration.

        Args:
            **query: as for `search`; ``limit`` is the size of a page, 1000 by default and at most.
        """
        limit = query.get("limit")
        size = (
            PAGE_SIZE
            if limit is None
            else checks.whole_number(limit, "limit", at_least=1, at_most=PAGE_SIZE)
        )
        skip = query.get("skip") or 0
        before: frozenset[str] = frozenset()
        while True:
            query["limit"], query["skip"] = size, skip
            page = await self.search(**query)
            seen = frozenset(record.message_id for record in page)
            for record in page:
                if record.message_id not in before:
                    yield record
            if len(page) < size or seen == before:
                return
            before = seen
            skip += len(page)

    async def wait(
        self,
        message_id: str,
        *,
        timeout: float | None = 300.0,  # noqa: ASYNC109 - of the wait, which outlasts its calls
    ) -> MessageRecord:
        """Wait until a message is final, and give its record.

        One poller looks for all messages that are waited for on this client: at once, a second
        later, then ever less often, down to every 30 seconds; for many of them with one search, for
        a single one by its id. A `smsworks_async.webhooks.Webhooks` that was given this client ends
        the wait when the report arrives.

        Args:
            message_id: the message's id.
            timeout: seconds to wait, 300 by default; None waits for ever. Networks may try for up
                to 72 hours.

        Raises:
            StillInFlight: it was not final in time; its ``status`` is the last one seen.
            NotFound: there is no such message, on three looks in a row.
            APIError: the API refuses to be asked.
            ConfigurationError: the client was closed meanwhile.
        """
        checked = checks.identifier(message_id, "message_id")
        if timeout is not None and not timeout >= 0:
            raise ValidationError("timeout must be 0 or more seconds", field="timeout")
        self._calls.check_loop()
        return await self._waits.until_final(checked, timeout)

    async def incoming(
        self,
        *,
        bookmark: str | PathLike[str] | Bookmark | None = None,
        since: datetime | None = None,
        pause: float = 10.0,
    ) -> AsyncGenerator[IncomingMessage]:
        """Give incoming messages as they come, without end, for those who have no public URL.

        They are searched for, oldest first, and never marked as read. A message counts as handled
        when the next one is asked for, and then the bookmark moves past it. So after a crash, or a
        ``break``, the one in hand comes again and nothing is lost: each comes at least once. A
        message that shows up in searches more than an hour after a later one has been handled is
        missed.

        Args:
            bookmark: the path of a file in which the place is kept, or an object with ``load`` and
                ``save`` of your own; for one consumer each. Without one, each call begins anew.
            since: where to begin while there is no bookmark, aware; everything that the provider
                still has, three months, by default.
            pause: seconds between two looks while there is nothing new. Passing failures are
                outlasted, with pauses that grow to a minute.

        Raises:
            APIError: the API refuses to be asked.
            ConfigurationError: what the bookmark holds is no place.
        """
        if not 0 < pause < float("inf"):
            raise ValidationError("pause must be more than 0 seconds", field="pause")
        from smsworks_async.models.posted import IncomingMessage
        from smsworks_async.replies import Place
        from smsworks_async.waiting import is_passing

        place = await Place.open(bookmark, since)
        failures = 0
        while True:
            fresh: list[MessageRecord] = []
            try:
                found = self.iterate(status="INCOMING", from_=place.search_from)
                fresh = place.still_to_come([record async for record in found])
                failures = 0
            except SMSWorksError as error:
                if not is_passing(error):
                    raise
                failures += 1
            for record in fresh:
                yield IncomingMessage.of(record)
                await place.move_past(record)
            if not fresh:
                await self._sleep(max(pause, min(pause * 2**failures, LONGEST_PAUSE)))
