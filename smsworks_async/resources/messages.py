"""Single messages: send, schedule, look up, search, delete."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final, Unpack

from smsworks_async.answers import Operation
from smsworks_async.models import checks
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
    SearchFields,
)
from smsworks_async.resources._base import Resource


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


class AsyncMessages(Resource):
    """Single messages."""

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
        return await self._calls.make(_SEND, Message(**message), into=SentMessage)

    async def flash(self, **message: Unpack[MessageFields]) -> SentMessage:
        """Send a flash message, which appears on the lock screen; otherwise as `send`."""
        return await self._calls.make(_FLASH, Message(**message), into=SentMessage)

    async def schedule(self, *, at: datetime, **message: Unpack[MessageFields]) -> Acknowledgement:
        """Have one text sent later.

        Args:
            at: when: a datetime that says its time zone, at most 60 seconds in the past.
            **message: as for `send`.

        Raises:
            As `send`.
        """
        return await self._calls.make(_SCHEDULE, Message(**message, at=at), into=Acknowledgement)

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
        return await self._calls.make(_SEARCH, Query(**query), into=list[MessageRecord])

    async def failed(self, **query: Unpack[SearchFields]) -> list[MessageRecord]:
        """Search the messages that failed; otherwise as `search`."""
        return await self._calls.make(_FAILED, Query(**query), into=list[MessageRecord])

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
        return await self._calls.make(_INBOX, Query(**query), into=list[MessageRecord])

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
