"""Reading the records of messages: one by its id, or those that a search finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.outgoing import Query
from smsworks_async.resources._base import Resource


_GET: Final = Operation("GET", "/messages/{}", repeatable=True)
_SEARCH: Final = Operation("POST", "/messages", repeatable=True, body=Query)
_FAILED: Final = Operation("POST", "/messages/failed", repeatable=True, body=Query)
# What it answers with is unread no longer, so that a repetition would lose it.
_INBOX: Final = Operation("POST", "/messages/inbox", body=Query)

#: How many records one page of `AsyncMessages.iterate` holds, by default and at most.
PAGE_SIZE: Final = 1000


class MessageSearching(Resource):
    """The methods of `AsyncMessages` that read records."""

    async def get(self, message_id: str) -> MessageRecord:
        """Return the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message. Records vanish after three months, or their `ttl`.
        """
        return await self._on(_GET, message_id, MessageRecord, "message_id")

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
