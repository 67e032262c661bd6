"""Single messages: send, schedule, read, search, delete, and wait for delivery."""

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
#: The longest pause of `AsyncMessages.incoming` after failures, in seconds.
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
        """Return the messages and batches scheduled for the future or the last three months.

        Raises:
            APIError: the API rejected the request.
        """
        return await self._requester.request(SCHEDULED, into=list[ScheduledMessage])

    async def cancel(self, message_id: str) -> Acknowledgement:
        """Cancel a scheduled message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: the message does not exist.
        """
        return await self._on(_CANCEL, message_id, Acknowledgement, "message_id")

    async def delete(self, message_id: str) -> Acknowledgement:
        """Delete the record of one message.

        Args:
            message_id: the message's id.

        Raises:
            NotFound: the message does not exist.
        """
        return await self._on(_DELETE, message_id, Acknowledgement, "message_id")

    async def volume(self) -> int:
        """Return how many messages the account has sent since midnight.

        It needs version 1.11.0 of the API, which does not document the time zone of midnight.

        Raises:
            APIError: the API rejected the request; `NotFound` if it lacks this operation.
        """
        return (await self._requester.request(_VOLUME, into=_Volume)).volume

    async def find(
        self, *, reference: str, destination: str | int | None = None
    ) -> MessageRecord | None:
        """Find a message by its reference.

        The method uses the provider's search, which may lag behind, covers three months (or the
        message's `ttl`), and returns no metadata. To detect an API that ignores the metadata
        filter, it makes a second search for a random reference. If that finds messages too, the
        result of the first is discarded.

        Args:
            reference: the reference that was passed to `send`.
            destination: the recipient's number, in any usual spelling, to narrow the search.

        Returns:
            The newest message with the reference; None if none is found, which does not prove that
            it was not sent.
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

        One poller serves all waits on this client. It polls at once, after a second, and then at
        growing intervals of up to 30 seconds, with one search for several messages, or by id for a
        single one. A `smsworks_async.webhooks.Webhooks` with this client ends the wait when the
        delivery report arrives.

        Args:
            message_id: the message's id.
            timeout: seconds to wait, default 300; None for no limit. Networks may attempt delivery
                for up to 72 hours.

        Raises:
            StillInFlight: it was not final in time; its ``status`` is the last known one.
            NotFound: the message was not found by three polls in a row.
            APIError: the API rejected a poll.
            ConfigurationError: the client was closed during the wait.
        """
        checked = checks.identifier(message_id, "message_id")
        seconds = None if timeout is None else values.seconds(timeout, "timeout")
        self._requester.check_loop()
        return await self._poller.until_final(checked, seconds)

    def _provider_time(self) -> datetime | None:
        seconds = self._requester.server_time()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    async def incoming(
        self,
        *,
        bookmark: str | PathLike[str] | Bookmark | None = None,
        since: datetime | None = None,
        pause: float = 10.0,
        follow: bool = True,
    ) -> AsyncGenerator[IncomingMessage]:
        """Yield incoming messages by polling; for programs without a public URL.

        The messages are read by searches, oldest first, and are not marked as read. A message
        counts as handled, and the bookmark moves past it, when the next one is requested. After a
        crash or a ``break`` the current message is yielded again, so each is delivered at least
        once. A message is missed if it appears in searches more than an hour after a later one was
        handled. If the client has `opt_outs` or a `journal`, opt-outs and opt-ins are recorded
        there before the message is yielded.

        Args:
            bookmark: the path of a file that stores the position, or an object with ``load`` and
                ``save``; one for each consumer. Without it, each call starts over.
            since: where to start if there is no stored position, an aware datetime; default:
                everything that the provider still has, about three months. Of the hour before it,
                opt-outs and opt-ins are recorded, but no message is yielded.
            pause: seconds between searches while there are no new messages, default 10. After
                temporary failures it retries, with pauses that grow to a minute.
            follow: whether to wait for further messages, without end (default True). With False
                it ends when every message has been yielded, and raises an error that the client's
                own retries did not overcome: for cron jobs.

        Raises:
            APIError: the API rejected a search.
            ConfigurationError: the bookmark contains no valid position.
            JournalError: an opt-out could not be recorded; its message will be yielded again.
        """
        pause = values.seconds(pause, "pause", above=True)
        follow = values.boolean(follow, "follow")
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
                if not (follow and worth_repeating(error)):
                    raise
                failures += 1
            for record in fresh:
                message = IncomingMessage.of(record)
                await self._kept.record(message)
                if not cursor.is_before_start(record):
                    yield message
                await cursor.move_past(record, self._provider_time())
            if not fresh:
                if not follow:
                    return
                await self._sleep(max(pause, min(pause * 2**failures, LONGEST_PAUSE)))
