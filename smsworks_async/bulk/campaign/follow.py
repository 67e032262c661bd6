"""Following a campaign: the final status of each recipient, from reports and batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

import attrs

from smsworks_async.bulk.campaign.evidence import MARGIN
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.errors import NotFound, StillInFlight
from smsworks_async.journals import Journal
from smsworks_async.journals.records import NO_LIMIT, ChunkRecord, State
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.resources._poller import GROWTH, LONGEST, SHORTEST, StatusPoller


#: The seconds without a sending process after which pending recipients are not waited for.
IDLE: Final = 60.0


@attrs.define(eq=False)
class _Batch:
    """A followed batch: its size, and the ids of the messages that were yielded."""

    size: int
    yielded: set[str] = attrs.field(factory=set)


class Follower:
    """Follows one campaign.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        gateway: the API.
        poller: the poller that is notified of delivery reports.
        at: when the messages of its first round are due, in POSIX seconds; None for at once.
        clock: returns seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        gateway: BulkGateway,
        poller: StatusPoller,
        *,
        at: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._gateway = gateway
        self._poller = poller
        self._at = at
        self._clock = clock
        self._sleep = sleep
        self._batches: dict[str, _Batch] = {}
        # Batches that are not polled before their messages are due.
        self._scheduled: set[str] = set()
        self._finished: set[str] = set()
        self._sending = False
        self._pending = 0

    async def follow(self, seconds: float | None) -> AsyncGenerator[MessageRecord]:
        """Yield every record of the campaign once, as soon as it is final."""
        begun, idle_since = self._clock(), 0.0
        with self._poller.subscribe() as reports:
            while True:
                await self._join()
                for batch_id in [*self._batches.keys() - self._scheduled]:
                    for record in await self._look(batch_id):
                        yield record
                passed = self._clock() - begun
                if self._batches or self._sending:
                    idle_since = passed
                elif not self._pending:
                    return
                elif passed - idle_since >= IDLE:
                    raise self._left_undone()
                pause = min(max(passed * GROWTH, SHORTEST), LONGEST)
                if seconds is not None and passed >= seconds:
                    raise self._too_late(seconds)
                if seconds is not None:
                    pause = min(pause, seconds - passed)
                async with aclosing(self._reports(reports, pause)) as some:
                    async for record in some:
                        yield record

    async def _join(self) -> None:
        """Add the batches that were accepted since the last poll."""
        entries = await self._journal.chunks(self._campaign, limit=NO_LIMIT)
        self._sending = any(entry.state is State.SENDING for entry in entries)
        self._pending = sum(entry.size for entry in entries if entry.state is State.PENDING)
        now = await self._journal.now()
        self._scheduled.clear()
        there: set[str] = set()
        for entry in entries:
            for batch_id in filter(None, (entry.batch_id, *entry.doubles)):
                there.add(batch_id)
                if batch_id not in self._finished:
                    self._batches.setdefault(batch_id, _Batch(entry.requested))
                if self._waits(entry, now):
                    self._scheduled.add(batch_id)
        # A missing batch was cancelled, and its recipients are scheduled again.
        for batch_id in self._batches.keys() - there:
            del self._batches[batch_id]

    def _waits(self, entry: ChunkRecord, now: float) -> bool:
        """Return whether a chunk's messages are not due yet."""
        is_scheduled = entry.state is State.ACCEPTED and not entry.round
        return is_scheduled and self._at is not None and now < self._at

    async def _look(self, batch_id: str) -> list[MessageRecord]:
        """Return the newly final records of a batch; stop following it after the last."""
        batch = self._batches[batch_id]
        try:
            records = await self._gateway.get(batch_id)
        except NotFound:
            if await self._may_appear_yet():
                return []
            records = []  # deleted by the provider
        news = [record for record in records if self._is_news(batch, record)]
        if all(record.is_final for record in records):
            self._finish(batch_id)
        return news

    async def _may_appear_yet(self) -> bool:
        """Return whether a scheduled batch may not have been sent yet, by the provider's clock."""
        return self._at is not None and await self._journal.now() < self._at + MARGIN

    def _finish(self, batch_id: str) -> None:
        del self._batches[batch_id]
        self._finished.add(batch_id)

    @staticmethod
    def _is_news(batch: _Batch, record: MessageRecord) -> bool:
        if not record.is_final or record.message_id in batch.yielded:
            return False
        batch.yielded.add(record.message_id)
        return True

    async def _reports(
        self, reports: asyncio.Queue[MessageRecord], pause: float
    ) -> AsyncGenerator[MessageRecord]:
        """Yield records from delivery reports until the next poll."""
        pausing = asyncio.ensure_future(self._sleep(pause))
        try:
            while True:
                getting = asyncio.ensure_future(reports.get())
                await asyncio.wait({pausing, getting}, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    return
                record = getting.result()
                batch_id = record.batch_id or ""
                batch = self._batches.get(batch_id)
                if batch is not None and self._is_news(batch, record):
                    if len(batch.yielded) >= batch.size:
                        self._finish(batch_id)
                    yield record
                if not self._batches:
                    return
        finally:
            pausing.cancel()

    def _left_undone(self) -> StillInFlight:
        return StillInFlight(
            f"{self._pending} recipients are still pending, and no process is sending; run the "
            "campaign again before you follow it"
        )

    def _too_late(self, seconds: float) -> StillInFlight:
        left = sum(batch.size - len(batch.yielded) for batch in self._batches.values())
        left += self._pending
        return StillInFlight(
            f"after {seconds:g} s {left} recipients are not final; they may become so, so you can "
            "follow the campaign again",
        )
