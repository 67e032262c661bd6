"""Single messages: send, schedule, look up, search, delete."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async._http.requester import Requester
from smsworks_async.errors import SMSWorksError
from smsworks_async.models import checks, values
from smsworks_async.models.incoming import (
    Acknowledgement,
    MessageRecord,
    ScheduledMessage,
    SentMessage,
)
from smsworks_async.models.outgoing import (
    REFERENCE,
    BinaryMessage,
    Message,
    Query,
    ScheduledOne,
)
from smsworks_async.resources._base import Resource


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage
    from smsworks_async.resources._inbox import Bookmark
    from smsworks_async.resources._poller import Waits


_SEND: Final = Operation("POST", "/message/send")
_BINARY: Final = Operation("POST", "/binary/send")
_FLASH: Final = Operation("POST", "/message/flash")
_SCHEDULE: Final = Operation("POST", "/message/schedule")
_SCHEDULED: Final = Operation("GET", "/messages/schedule", repeatable=True)
_CANCEL: Final = Operation("DELETE", "/messages/schedule/{}", repeatable=True)
_GET: Final = Operation("GET", "/messages/{}", repeatable=True)
_DELETE: Final = Operation("DELETE", "/messages/{}", repeatable=True)
_SEARCH: Final = Operation("POST", "/messages", repeatable=True)
_VOLUME: Final = Operation("GET", "/messages/volume", repeatable=True)
_FAILED: Final = Operation("POST", "/messages/failed", repeatable=True)
# What it answers with is unread no longer, so that a repetition would lose it.
_INBOX: Final = Operation("POST", "/messages/inbox")

#: How many records one page of `AsyncMessages.iterate` holds, by default and at most.
PAGE_SIZE: Final = 1000
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
#: The longest pause that failures make `AsyncMessages.incoming` take, in seconds.
LONGEST_PAUSE: Final = 60.0


@attrs.frozen(eq=False, repr=False)
class _Volume:
    volume: int


class AsyncMessages(Resource):
    """Single messages."""

    def __init__(
        self, requester: Requester, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        super().__init__(requester)
        self._sleep = sleep

    @functools.cached_property
    def _waits(self) -> Waits:
        from smsworks_async.resources._poller import Waits  # when somebody waits, and not before

        return Waits(self, sleep=self._sleep)

    async def send(
        self,
        *,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
    ) -> SentMessage:
        """Send one text to one recipient.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where the delivery report is posted, instead of the account's
                address.
            ttl: minutes until the delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary; the
                account's own setting by default.
            metadata: strings to keep with the message, by name.
            reference: your own name for the message, such as an order's number, 1 to 200 printable
                characters. It is kept in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated. `find` searches for it
                by its `reference`.
        """
        message = Message(
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        return await self._requester.request(_SEND, message, into=SentMessage)

    async def send_binary(
        self,
        *,
        data: bytes,
        sender: str,
        destination: str | int,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
    ) -> SentMessage:
        """Send bytes to one recipient, as a binary message.

        This is part of the API's version 1.11.0.

        Args:
            data: what to send, 1 to 427 bytes; one SMS holds 140 of them.
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where the delivery report is posted, instead of the account's
                address.
            ttl: minutes until the delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            metadata: strings to keep with the message, by name.
            reference: your own name for the message, such as an order's number, 1 to 200 printable
                characters. It is kept in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated. `find` searches for it
                by its `reference`.
        """
        message = BinaryMessage(
            data=data,
            sender=sender,
            destination=self._destination(destination),
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        return await self._requester.request(_BINARY, message, into=SentMessage)

    async def flash(
        self,
        *,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
    ) -> SentMessage:
        """Send a flash message, which appears on the lock screen.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where the delivery report is posted, instead of the account's
                address.
            ttl: minutes until the delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary; the
                account's own setting by default.
            metadata: strings to keep with the message, by name.
            reference: your own name for the message, such as an order's number, 1 to 200 printable
                characters. It is kept in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated. `find` searches for it
                by its `reference`.
        """
        message = Message(
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        return await self._requester.request(_FLASH, message, into=SentMessage)

    async def schedule(
        self,
        *,
        at: datetime,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
    ) -> Acknowledgement:
        """Schedule one text to one recipient.

        Args:
            at: when to send it: an aware datetime, at most 60 seconds in the past.
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where the delivery report is posted, instead of the account's
                address.
            ttl: minutes until the delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary; the
                account's own setting by default.
            metadata: strings to keep with the message, by name.
            reference: your own name for the message, such as an order's number, 1 to 200 printable
                characters. It is kept in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated. `find` searches for it
                by its `reference`.
        """
        message = ScheduledOne(
            at=at,
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        return await self._requester.request(_SCHEDULE, message, into=Acknowledgement)

    async def scheduled(self) -> list[ScheduledMessage]:
        """Return what was scheduled in the last three months, and what is still to come.

        Raises:
            APIError: the API refused.
        """
        return await self._requester.request(_SCHEDULED, into=list[ScheduledMessage])

    async def cancel(self, message_id: str) -> Acknowledgement:
        """Cancel a scheduled message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_CANCEL, message_id, Acknowledgement, "message_id")

    async def get(self, message_id: str) -> MessageRecord:
        """Return the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message. Records vanish after three months, or their `ttl`.
        """
        return await self._on(_GET, message_id, MessageRecord, "message_id")

    async def delete(self, message_id: str) -> Acknowledgement:
        """Delete the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_DELETE, message_id, Acknowledgement, "message_id")

    async def search(
        self,
        *,
        status: str | None = None,
        destination: str | int | None = None,
        sender: str | None = None,
        keyword: str | None = None,
        tag: str | None = None,
        credits: float | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        unread: bool | None = None,
        limit: int | None = None,
        skip: int | None = None,
    ) -> list[MessageRecord]:
        """Search the account's messages, at most 1000 at a time, in the API's own order.

        Every field narrows the search; None leaves it out.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the label that was sent with it, at most 280 characters.
            credits: what the message cost, in credits.
            from_: the earliest moment, an aware datetime.
            to: the latest moment, an aware datetime.
            metadata: strings that were sent with it, by name.
            unread: with ``status="INCOMING"``: only unread messages (True), or only those read
                before (False); both by default.
            limit: how many records to return, 1 to 1000; 1000 by default.
            skip: how many records to leave out first; none by default.

        Raises:
            ValidationError: a field is not as the API wants it.
            APIError: the API refused.
        """
        query = Query(
            status=status,
            destination=self._filter(destination),
            sender=sender,
            keyword=keyword,
            tag=tag,
            credits=credits,
            from_=from_,
            to=to,
            metadata=metadata,
            unread=unread,
            limit=limit,
            skip=skip,
        )
        return await self._requester.request(_SEARCH, query, into=list[MessageRecord])

    async def volume(self) -> int:
        """Return how many messages the account has sent since midnight.

        This is part of the API's version 1.11.0; whose midnight it is, the API does not document.

        Raises:
            APIError: the API refused; `NotFound` where it does not have this operation.
        """
        return (await self._requester.request(_VOLUME, into=_Volume)).volume

    async def failed(
        self,
        *,
        status: str | None = None,
        destination: str | int | None = None,
        sender: str | None = None,
        keyword: str | None = None,
        tag: str | None = None,
        credits: float | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        unread: bool | None = None,
        limit: int | None = None,
        skip: int | None = None,
    ) -> list[MessageRecord]:
        """Search the messages that failed, at most 1000 at a time.

        Every field narrows the search; None leaves it out.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the label that was sent with it, at most 280 characters.
            credits: what the message cost, in credits.
            from_: the earliest moment, an aware datetime.
            to: the latest moment, an aware datetime.
            metadata: strings that were sent with it, by name.
            unread: with ``status="INCOMING"``: only unread messages (True), or only those read
                before (False); both by default.
            limit: how many records to return, 1 to 1000; 1000 by default.
            skip: how many records to leave out first; none by default.

        Raises:
            ValidationError: a field is not as the API wants it.
            APIError: the API refused.
        """
        query = Query(
            status=status,
            destination=self._filter(destination),
            sender=sender,
            keyword=keyword,
            tag=tag,
            credits=credits,
            from_=from_,
            to=to,
            metadata=metadata,
            unread=unread,
            limit=limit,
            skip=skip,
        )
        return await self._requester.request(_FAILED, query, into=list[MessageRecord])

    async def find(
        self, *, reference: str, destination: str | int | None = None
    ) -> MessageRecord | None:
        """Find a message by the reference that it was sent with.

        This rests on the provider's search, which may lag behind, forgets after three months (or
        the message's `ttl`), and shows no metadata in its answers. So the search is asked a second
        time, for a reference that nobody has: if that finds messages too, it does not look at
        metadata, and what it found proves nothing.

        Args:
            reference: as it was given to `send`.
            destination: the recipient's number, in any usual spelling, to narrow the search.

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

    async def inbox(
        self,
        *,
        status: str | None = None,
        destination: str | int | None = None,
        sender: str | None = None,
        keyword: str | None = None,
        tag: str | None = None,
        credits: float | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        unread: bool | None = None,
        limit: int | None = None,
        skip: int | None = None,
    ) -> list[MessageRecord]:
        """Return the unread incoming messages, which marks them as read.

        Every field narrows the search; None leaves it out.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the label that was sent with it, at most 280 characters.
            credits: what the message cost, in credits.
            from_: the earliest moment, an aware datetime.
            to: the latest moment, an aware datetime.
            metadata: strings that were sent with it, by name.
            unread: with ``status="INCOMING"``: only unread messages (True), or only those read
                before (False); both by default.
            limit: how many records to return, 1 to 1000; 1000 by default.
            skip: how many records to leave out first; none by default.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was marked.
            APIError: the API refused.
            OutcomeUnknown: the answer was lost, and messages may be marked as read. They are still
                found by ``search(status="INCOMING")``.
        """
        query = Query(
            status=status,
            destination=self._filter(destination),
            sender=sender,
            keyword=keyword,
            tag=tag,
            credits=credits,
            from_=from_,
            to=to,
            metadata=metadata,
            unread=unread,
            limit=limit,
            skip=skip,
        )
        return await self._requester.request(_INBOX, query, into=list[MessageRecord])

    async def iterate(
        self,
        *,
        status: str | None = None,
        destination: str | int | None = None,
        sender: str | None = None,
        keyword: str | None = None,
        tag: str | None = None,
        credits: float | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        unread: bool | None = None,
        limit: int | None = None,
        skip: int | None = None,
    ) -> AsyncGenerator[MessageRecord]:
        """Search page by page, and yield every record once.

        Every field narrows the search; None leaves it out. A page that repeats the one before it
        ends the iteration.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the label that was sent with it, at most 280 characters.
            credits: what the message cost, in credits.
            from_: the earliest moment, an aware datetime.
            to: the latest moment, an aware datetime.
            metadata: strings that were sent with it, by name.
            unread: with ``status="INCOMING"``: only unread messages (True), or only those read
                before (False); both by default.
            limit: how many records one page holds, 1 to 1000; 1000 by default.
            skip: how many records to leave out first; none by default.

        Raises:
            ValidationError: a field is not as the API wants it.
            APIError: the API refused.
        """
        query = Query(
            status=status,
            destination=self._filter(destination),
            sender=sender,
            keyword=keyword,
            tag=tag,
            credits=credits,
            from_=from_,
            to=to,
            metadata=metadata,
            unread=unread,
            limit=limit,
            skip=skip,
        )
        async with aclosing(self._pages(query)) as records:
            async for record in records:
                yield record

    async def _pages(self, query: Query) -> AsyncGenerator[MessageRecord]:
        """Search page by page, and yield every record once; a destination is not judged."""
        size = PAGE_SIZE if query.limit is None else query.limit
        skip = query.skip or 0
        before: frozenset[str] = frozenset()
        while True:
            asked = attrs.evolve(query, limit=size, skip=skip)
            page = await self._requester.request(_SEARCH, asked, into=list[MessageRecord])
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
        """Wait until a message is final, and return its record.

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
        seconds = None if timeout is None else values.seconds(timeout, "timeout")
        self._requester.check_loop()
        return await self._waits.until_final(checked, seconds)

    async def incoming(
        self,
        *,
        bookmark: str | PathLike[str] | Bookmark | None = None,
        since: datetime | None = None,
        pause: float = 10.0,
    ) -> AsyncGenerator[IncomingMessage]:
        """Yield incoming messages as they come, without end, where there is no public URL.

        They are searched for, oldest first, and never marked as read. A message counts as handled
        when the next one is asked for, and then the bookmark moves past it. So after a crash, or a
        ``break``, the one in hand comes again and nothing is lost: each comes at least once. A
        message that shows up in searches more than an hour after a later one has been handled is
        missed.

        Args:
            bookmark: the path of a file in which the place is kept, or an object with ``load`` and
                ``save`` of your own; for one consumer each. Without one, each call begins anew.
            since: where to begin while there is no bookmark, an aware datetime; with everything
                that the provider still has, three months, by default.
            pause: seconds between two searches while there is nothing new, 10 by default. Passing
                failures are outlasted, with pauses that grow to a minute.

        Raises:
            APIError: the API refuses to be asked.
            ConfigurationError: what the bookmark holds is no place.
        """
        pause = values.seconds(pause, "pause", above=True)
        from smsworks_async.models.posted import IncomingMessage
        from smsworks_async.resources._inbox import InboxCursor

        place = await InboxCursor.open(bookmark, since)
        failures = 0
        while True:
            fresh: list[MessageRecord] = []
            try:
                found = self.iterate(status="INCOMING", from_=place.search_from)
                fresh = place.still_to_come([record async for record in found])
                failures = 0
            except SMSWorksError as error:
                if not error.retryable:
                    raise
                failures += 1
            for record in fresh:
                yield IncomingMessage.of(record)
                await place.move_past(record)
            if not fresh:
                await self._sleep(max(pause, min(pause * 2**failures, LONGEST_PAUSE)))
