"""The provider of a campaign, with its requests and accepted messages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import attrs

from smsworks_async.errors import APIError, NotFound, NotSent, OutcomeUnknown
from smsworks_async.models import incoming
from smsworks_async.models.incoming import MessageRecord, ScheduledMessage
from support.campaigns.process import INSTANT, Process


#: The time-out of a request, and the longest lag of a search, in seconds.
TIMEOUT = 10.0


SETTLE = 2.0


BEGINNING = 2e9


#: The text of all messages.
CONTENT = "Hello"


SENDER = "AcmeCorp"


@attrs.define(eq=False)
class Request:
    """A request in flight."""

    process: Process
    campaign: str
    document: object
    expired: object
    answer: asyncio.Future
    written: float | None = None
    #: The time at which it is accepted; or never.
    accept_at: float | None = None
    lag: float = 0.0
    over: bool = False
    batch: Batch | None = None
    returned: bool = False
    #: When its messages are due, in POSIX seconds; None for at once.
    due: float | None = None

    @property
    def messages(self):
        if isinstance(self.document, list):
            return [
                (m["destination"], {d["key"]: d["value"] for d in m["metadata"]})
                for m in self.document
            ]
        return [(number, {}) for number in self.document["destinations"]]

    @property
    def is_waited_for(self):
        return not self.answer.done() and not self.process.dead


@attrs.define(eq=False)
class Batch:
    """An accepted batch."""

    id: str
    campaign: str
    messages: list
    at: float
    lag: float
    #: When its messages are due, in POSIX seconds; None for at once.
    due: float | None = None
    cancelled: bool = False

    @property
    def recipients(self):
        return [number for number, _ in self.messages]

    def status(self, now):
        """Return the status of its messages at a time by the provider's clock."""
        if self.cancelled:
            return "CANCELLED"
        return "SENT" if self.due is None or self.due <= now else "SCHEDULED"


@attrs.frozen
class Habits:
    """The provider's search behaviour."""

    content: str | None = CONTENT
    shows_batch: bool = True
    shows_date: bool = True
    shows_marks: bool = False
    #: Its handling of a search for metadata: "obeys", "ignores" or "nothing".
    metadata: str = "obeys"
    tells_time: bool = True
    #: Whether a search and a batch show messages before they are due.
    shows_waiting: bool = True


class Gateway:
    """A replacement of `bulk.gateway.BulkGateway` whose responses wait for a rule."""

    acquire_rate = None
    timeout = TIMEOUT

    def __init__(self, process, campaign):
        self._process = process
        self._world = process.world
        self._campaign = campaign

    def post(self, payload, at=None):
        async def post(document, expired, on_retry, before_repeat):
            answer = self._process.loop.create_future()
            request = Request(self._process, self._campaign, document, expired, answer, due=at)
            self._world.arrive(request)
            try:
                async with asyncio.timeout(TIMEOUT):
                    batch_id = await answer
            except TimeoutError:
                if request.written is None:
                    raise NotSent("it took too long to connect") from None
                raise lost() from None
            request.returned = True
            return batch_id

        return post

    async def _read(self, answer):
        world = self._world
        if world.reads == "fail":
            raise lost()
        if world.reads == "hold":
            waiting = self._process.loop.create_future()
            world.held.append(waiting)
            try:
                async with asyncio.timeout(TIMEOUT):
                    await waiting
            except TimeoutError:
                raise lost() from None
        return answer

    def _records(self, batch):
        world, habits = self._world, self._world.habits
        status = batch.status(world.provider_time())
        if status != "SENT" and not habits.shows_waiting:
            return
        for index, (number, marks) in enumerate(batch.messages):
            # The messages of a batch appear one after the other.
            if batch.at + batch.lag * (index + 1) / len(batch.messages) <= world.now + INSTANT:
                yield (
                    MessageRecord(
                        f"{batch.id}.{index}",
                        status,
                        batch_id=batch.id if habits.shows_batch else None,
                        destination=number,
                        sender=SENDER,
                        content=habits.content,
                        created=datetime.fromtimestamp(BEGINNING + batch.at, UTC)
                        if habits.shows_date
                        else None,
                        metadata=marks if habits.shows_marks else {},
                    ),
                    marks,
                )

    async def iterate(self, *, destination, sender, from_, metadata=None):
        habits = self._world.habits
        found = []
        for batch in self._world.batches:
            for record, marks in self._records(batch):
                if record.destination != destination or BEGINNING + batch.at < from_.timestamp():
                    continue
                obeyed = metadata is None or habits.metadata == "ignores"
                if obeyed or (habits.metadata == "obeys" and metadata.items() <= marks.items()):
                    found.append(record)
        for record in await self._read(found):
            yield record

    async def get(self, batch_id):
        there = [batch for batch in self._world.batches if batch.id == batch_id]
        records = [record for batch in there for record, _ in self._records(batch)]
        found = await self._read(records)
        if not found:
            raise NotFound("there is none", status=404)
        return found

    async def scheduled(self):
        now = self._world.provider_time()
        return await self._read(
            [
                ScheduledMessage(
                    batch.id,
                    "PROCESSED" if batch.status(now) == "SENT" else batch.status(now),
                    batch=True,
                    sender=SENDER,
                    destinations=tuple(batch.recipients),
                    content=self._world.habits.content,
                    schedule=datetime.fromtimestamp(batch.due, UTC),
                )
                for batch in self._world.batches
                if batch.due is not None and batch.at + batch.lag <= self._world.now + INSTANT
            ]
        )

    async def cancel(self, batch_id):
        """Cancel a batch, with the world's current result of such requests."""
        world = self._world
        [batch] = [one for one in world.batches if one.id == batch_id]
        how = world.cancels
        if how == "hold":
            waiting = self._process.loop.create_future()
            world.held_cancels.append((batch, waiting))
            try:
                async with asyncio.timeout(TIMEOUT):
                    how = await waiting
            except TimeoutError:
                raise lost() from None
        elif how != "lost before":
            world.cancel(batch)
        if how.startswith("lost"):
            raise lost()
        if how == "refused after" or not batch.cancelled:
            raise APIError("there is none to cancel", status=400, code=4008)
        return incoming.Batch(batch_id, "CANCELLED")

    async def balance(self):
        return await self._read(1e6)

    def server_time(self):
        return self._world.provider_time() if self._world.habits.tells_time else None

    async def now(self):
        return await self._read(self.server_time())


def lost():
    return OutcomeUnknown("lost", operation="POST /batch/send")
