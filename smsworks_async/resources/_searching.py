"""Reading of message records, by id or by search."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.outgoing import Query
from smsworks_async.resources._base import Resource


_GET: Final = Operation("GET", "/messages/{}", repeatable=True)
_SEARCH: Final = Operation("POST", "/messages", repeatable=True, body=Query)
_FAILED: Final = Operation("POST", "/messages/failed", repeatable=True, body=Query)
# The messages in its response become read, so a retry would lose them.
_INBOX: Final = Operation("POST", "/messages/inbox", body=Query)

#: The default and maximum page size of `AsyncMessages.iterate`.
PAGE_SIZE: Final = 1000
#: How many repetitions of a page end an iteration. As many new messages as a page has cause one;
#: an API that ignores ``skip`` repeats its page for ever.
MOST_REPEATS: Final = 2
#: How many of the records yielded last are recognised if they come again. It limits the memory.
REMEMBERED: Final = 100_000


class MessageSearching(Resource):
    """The methods of `AsyncMessages` that read records."""

    async def get(self, message_id: str) -> MessageRecord:
        """Return the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: the message does not exist. Records are deleted after three months or their
                `ttl`.
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
        """Search the account's messages, at most 1000 at a time, in the API's order.

        Each argument that is not None narrows the search.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the tag of the message, at most 280 characters.
            credits: the cost of the message in credits.
            from_: the earliest time, an aware datetime.
            to: the latest time, an aware datetime.
            metadata: strings that were sent with it, by key.
            unread: with ``status="INCOMING"``: only unread messages (True), or only read ones
                (False); default both.
            limit: the number of records to return, 1 to 1000; default 1000.
            skip: the number of records to skip first; default 0.

        Raises:
            ValidationError: a field is invalid.
            APIError: the API rejected the request.
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
        """Search the failed messages, at most 1000 at a time.

        Each argument that is not None narrows the search.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the tag of the message, at most 280 characters.
            credits: the cost of the message in credits.
            from_: the earliest time, an aware datetime.
            to: the latest time, an aware datetime.
            metadata: strings that were sent with it, by key.
            unread: with ``status="INCOMING"``: only unread messages (True), or only read ones
                (False); default both.
            limit: the number of records to return, 1 to 1000; default 1000.
            skip: the number of records to skip first; default 0.

        Raises:
            ValidationError: a field is invalid.
            APIError: the API rejected the request.
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
        """Return the unread incoming messages, and mark them as read.

        Each argument that is not None narrows the search.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the tag of the message, at most 280 characters.
            credits: the cost of the message in credits.
            from_: the earliest time, an aware datetime.
            to: the latest time, an aware datetime.
            metadata: strings that were sent with it, by key.
            unread: with ``status="INCOMING"``: only unread messages (True), or only read ones
                (False); default both.
            limit: the number of records to return, 1 to 1000; default 1000.
            skip: the number of records to skip first; default 0.

        Raises:
            ValidationError: a field is invalid; nothing was marked.
            APIError: the API rejected the request.
            OutcomeUnknown: the response was lost, and messages may have been marked as read. They
                can still be found with ``search(status="INCOMING")``.
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
        """Search page by page; yield every record once.

        Each argument that is not None narrows the search. A record that is deleted, or ceases to
        match the search, during the iteration may cause another one to be skipped: collect the
        records first if you delete them. The iteration ends at a page that repeats the two before.

        Args:
            status: a status, such as ``"DELIVERED"`` or ``"INCOMING"``.
            destination: the recipient's number, in any usual spelling.
            sender: the sender ID, or the number that an incoming message is from.
            keyword: the keyword of an incoming message.
            tag: the tag of the message, at most 280 characters.
            credits: the cost of the message in credits.
            from_: the earliest time, an aware datetime.
            to: the latest time, an aware datetime.
            metadata: strings that were sent with it, by key.
            unread: with ``status="INCOMING"``: only unread messages (True), or only read ones
                (False); default both.
            limit: the number of records per page, 1 to 1000; default 1000.
            skip: the number of records to skip first; default 0.

        Raises:
            ValidationError: a field is invalid.
            APIError: the API rejected the request.
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
        """Search page by page; yield every record once. The destination is not validated."""
        size = PAGE_SIZE if query.limit is None else query.limit
        skip = query.skip or 0
        # In the order of their first page. Messages that arrive meanwhile move others to later
        # pages, where those yielded last come again.
        yielded: dict[str, None] = {}
        before: frozenset[str] = frozenset()
        repeats = 0
        while True:
            asked = attrs.evolve(query, limit=size, skip=skip)
            page = await self._requester.request(_SEARCH, asked, into=list[MessageRecord])
            seen = frozenset(record.message_id for record in page)
            for record in page:
                if record.message_id not in yielded:
                    yielded[record.message_id] = None
                    yield record
            repeats = repeats + 1 if seen == before else 0
            if len(page) < size or repeats == MOST_REPEATS:
                return
            for old in list(islice(yielded, max(0, len(yielded) - REMEMBERED))):
                del yielded[old]
            before = seen
            skip += len(page)
