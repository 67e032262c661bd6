"""Single messages: send, schedule, look up, search, delete, wait for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async._client_journal import ClientJournal
from smsworks_async._failures import worth_repeating
from smsworks_async._http.operations import Operation
from smsworks_async._http.requester import Requester
from smsworks_async.errors import SMSWorksError
from smsworks_async.models import checks, values
from smsworks_async.models.incoming import Acknowledgement, MessageRecord, ScheduledMessage
from smsworks_async.models.outgoing import REFERENCE
from smsworks_async.resources._calls import KeyedSends
from smsworks_async.resources._poller import StatusPoller
from smsworks_async.resources._searching import MessageSearching
from smsworks_async.resources._sending import MessageSending


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage
    from smsworks_async.resources._inbox import Bookmark


SCHEDULED: Final = Operation("GET", "/messages/schedule", repeatable=True)
_CANCEL: Final = Operation("DELETE", "/messages/schedule/{}", repeatable=True)
_DELETE: Final = Operation("DELETE", "/messages/{}", repeatable=True)
_VOLUME: Final = Operation("GET", "/messages/volume", repeatable=True)

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
#: The longest pause that failures make `AsyncMessages.incoming` take, in seconds.
LONGEST_PAUSE: Final = 60.0


@attrs.frozen(eq=False, repr=False)
class _Volume:
    volume: int


class AsyncMessages(MessageSending, MessageSearching):
    """Single messages."""

    def __init__(
        self,
        requester: Requester,
        poller: StatusPoller,
        kept: ClientJournal,
        keyed: Callable[[], KeyedSends] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(requester, kept, keyed)
        self._poller = poller
        self._sleep = sleep

    async def scheduled(self) -> list[ScheduledMessage]:
        """Return what was scheduled in the last three months, and what is still to come.

        Raises:
            APIError: the API refused.
        """
        return await self._requester.request(SCHEDULED, into=list[ScheduledMessage])

    async def cancel(self, message_id: str) -> Acknowledgement:
        """Cancel a scheduled message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_CANCEL, message_id, Acknowledgement, "message_id")

    async def delete(self, message_id: str) -> Acknowledgement:
        """Delete the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: there is no such message.
        """
        return await self._on(_DELETE, message_id, Acknowledgement, "message_id")

    async def volume(self) -> int:
        """Return how many messages the account has sent since midnight.

        This is part of the API's version 1.11.0; whose midnight it is, the API does not document.

        Raises:
            APIError: the API refused; `NotFound` where it does not have this operation.
        """
        return (await self._requester.request(_VOLUME, into=_Volume)).volume

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
        return await self._poller.until_final(checked, seconds)

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
        missed. Where the client has `opt_outs` or a `journal`, a message that asks to opt out or in
        is recorded there before it is handed on.

        Args:
            bookmark: the path of a file in which the place is kept, or an object with ``load`` and
                ``save`` of your own; for one consumer each. Without one, each call begins anew.
            since: where to begin while there is no bookmark, an aware datetime; with everything
                that the provider still has, three months, by default.
            pause: seconds between two searches while there is nothing new, 10 by default. Passing
                failures are outlasted, with pauses that grow to a minute.

        Raises:
            APIError: the API refuses to be asked.
            ConfigurationError: what the bookmark holds is no cursor.
            JournalError: an opt-out could not be recorded; its message comes again.
        """
        pause = values.seconds(pause, "pause", above=True)
        from smsworks_async.models.posted import IncomingMessage
        from smsworks_async.resources._inbox import InboxCursor

        cursor = await InboxCursor.open(bookmark, since)
        failures = 0
        while True:
            fresh: list[MessageRecord] = []
            try:
                found = self.iterate(status="INCOMING", from_=cursor.search_from)
                fresh = cursor.still_to_come([record async for record in found])
                failures = 0
            except SMSWorksError as error:
                if not worth_repeating(error):
                    raise
                failures += 1
            for record in fresh:
                message = IncomingMessage.of(record)
                await self._kept.record(message)
                yield message
                await cursor.move_past(record)
            if not fresh:
                await self._sleep(max(pause, min(pause * 2**failures, LONGEST_PAUSE)))
