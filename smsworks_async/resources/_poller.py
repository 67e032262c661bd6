"""Waiting for messages to be final: one poller serves all waits of a client.

The poller runs while there are waits. Each poll is one search for all awaited messages. Messages
that the search does not return, and a single awaited message, are read by id. Delivery reports that
arrive meanwhile are passed to the poller, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from smsworks_async._failures import worth_repeating
from smsworks_async.errors import (
    ConfigurationError,
    InvalidMessage,
    NotFound,
    SMSWorksError,
    StillInFlight,
)
from smsworks_async.models.incoming import MessageRecord


#: The minimum and maximum seconds between two polls.
SHORTEST, LONGEST = 1.0, 30.0
#: The pause after a poll, within those limits, as a fraction of the newest wait's duration so far.
GROWTH: Final = 0.5
#: The records of one search, the most searches of a poll, and the most messages that it then reads
#: by id.
PAGE, PAGES, LOOKUPS = 1000, 5, 5
#: How far back a search reaches from the newest awaited message. Older ones are read by id, so that
#: a few of them do not cause long searches.
REACH: Final = timedelta(hours=1)
#: The allowance for clock differences, and for the time between sending and waiting.
MARGIN: Final = timedelta(minutes=10)
#: Earlier dates of messages are ignored.
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
#: Consecutive misses before `NotFound`.
MISSES: Final = 3


class MessageSource(Protocol):
    """The source of records for the poller, such as `AsyncMessages`."""

    async def search(self, *, from_: datetime, limit: int, skip: int) -> Sequence[MessageRecord]:
        """Return one page of the records of messages created since a time."""
        ...

    async def get(self, message_id: str) -> MessageRecord:
        """Return the record of one message, or raise `NotFound`."""
        ...


class _Wait:
    """One awaited message.

    Attributes:
        end: its final record, or the error that ends the wait.
        begun: when the wait began, by the poller's clock.
        looked_up: when it was last read by id, initially the beginning of the wait.
        record: its last known record, or None.
        callers: the number of callers that wait for it.
        misses: the number of consecutive reads that did not find it.
    """

    # Not an attrs class, which would take longer to import than the rest of this module.
    __slots__ = ("begun", "callers", "end", "looked_up", "misses", "record")

    def __init__(self, end: asyncio.Future[MessageRecord | Exception], now: float) -> None:
        self.end = end
        self.begun = self.looked_up = now
        self.record: MessageRecord | None = None
        self.callers = self.misses = 0

    def finish(self, outcome: MessageRecord | Exception) -> None:
        if not self.end.done():
            self.end.set_result(outcome)


class StatusPoller:
    """Polls for the awaited messages of one client.

    Args:
        source: the source of records.
        clock: returns seconds by a monotonic clock.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        source: MessageSource,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._clock = clock
        self._sleep = sleep
        self._waits: dict[str, _Wait] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._sleeping: asyncio.Future[object] | None = None
        self._skip = 0
        self._listeners: dict[asyncio.Queue[MessageRecord], asyncio.AbstractEventLoop] = {}

    async def until_final(self, message_id: str, seconds: float | None) -> MessageRecord:
        """Wait until a message is final; see `AsyncMessages.wait`."""
        wait = self._join(message_id)
        awaited: set[asyncio.Future[Any]] = {wait.end}
        if seconds is not None:
            awaited.add(asyncio.ensure_future(self._sleep(seconds)))
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not wait.end.done():
                status = wait.record.status if wait.record else None
                seen = f"was last seen as {status}" if status else "has not been seen yet"
                raise StillInFlight(
                    f"the message is not final after {seconds:g} s and {seen}; it may still "
                    "be delivered, so you can wait again",
                    message_id=message_id,
                    status=status,
                )
            outcome = wait.end.result()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        finally:
            for timer in awaited - {wait.end}:
                timer.cancel()
            self._leave(message_id, wait)

    def notify(self, record: MessageRecord) -> None:
        """Pass on a record from elsewhere, such as a delivery report; callable from any thread."""
        if self._loop is not None and record.message_id in self._waits:
            _call_soon(self._loop, self._update, record)
        for listener, loop in list(self._listeners.items()):
            _call_soon(loop, listener.put_nowait, record)

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[MessageRecord]]:
        """Yield a queue of all records passed to `notify`, for the running loop."""
        listener: asyncio.Queue[MessageRecord] = asyncio.Queue()
        self._listeners[listener] = asyncio.get_running_loop()
        try:
            yield listener
        finally:
            del self._listeners[listener]

    def close(self) -> None:
        """End all waits with `ConfigurationError`: the client is closed."""
        for wait in self._waits.values():
            wait.finish(
                ConfigurationError("this client was closed during the wait; create a new one")
            )

    def _join(self, message_id: str) -> _Wait:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the previous loop and its tasks are closed
            self._loop, self._waits, self._running, self._sleeping = loop, {}, None, None
        wait = self._waits.get(message_id)
        if wait is None:
            now = self._clock()
            wait = self._waits[message_id] = _Wait(loop.create_future(), now)
            if self._sleeping is not None:
                self._sleeping.cancel()  # poll sooner for a new wait
        wait.callers += 1
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._run())
        return wait

    def _leave(self, message_id: str, wait: _Wait) -> None:
        wait.callers -= 1
        if not wait.callers and self._waits.get(message_id) is wait:
            del self._waits[message_id]
        if not self._waits and self._running is not None:
            self._running.cancel()
            self._running = None

    def _update(self, record: MessageRecord) -> None:
        wait = self._waits.get(record.message_id)
        if wait is None:
            return
        wait.record, wait.misses = record, 0
        if record.is_final:
            wait.finish(record)

    async def _run(self) -> None:
        try:
            while True:
                begun = self._clock()
                await self._poll()
                while (left := begun + self._pause(begun) - self._clock()) > 0:
                    await self._sleep_or_wake(left)
        except Exception as error:  # on any error, end all waits, which have no poller any more
            for wait in self._waits.values():
                wait.finish(error)

    def _pause(self, polled: float) -> float:
        """Return the seconds until the next poll, from the duration of the newest wait."""
        latest = max((wait.begun for wait in self._waits.values()), default=polled)
        return min(max((polled - latest) * GROWTH, SHORTEST), LONGEST)

    async def _sleep_or_wake(self, seconds: float) -> None:
        """Sleep until the time has passed or a new wait begins."""
        sleeping = self._sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([sleeping])
        finally:
            sleeping.cancel()
            self._sleeping = None

    async def _poll(self) -> None:
        try:
            shown = await self._search() if len(self._waits) > 1 else set()
            others = [
                (wait.looked_up, one) for one, wait in self._waits.items() if one not in shown
            ]
            for _, message_id in sorted(others)[:LOOKUPS]:
                await self._look_up(message_id)
        except SMSWorksError as error:
            if not worth_repeating(error):
                raise

    async def _search(self) -> set[str]:
        """Update the messages found by a search, and return their ids."""
        wanted, shown = set(self._waits), set[str]()
        since = self._since()
        for _ in range(min(len(wanted), PAGES)):
            records = await self._source.search(from_=since, limit=PAGE, skip=self._skip)
            for record in records:
                if record.message_id in wanted:
                    shown.add(record.message_id)
                    self._update(record)
            # Records beyond the last page of this poll are on the first page of the next.
            self._skip = self._skip + PAGE if len(records) == PAGE and shown != wanted else 0
            if self._skip == 0:
                break
        return shown

    def _since(self) -> datetime:
        """Return the time to search from, by the provider's clock once a record has revealed it."""
        records = [wait.record for wait in self._waits.values()]
        created = [record.created for record in records if record and record.created]
        created = [moment for moment in created if moment >= _EARLIEST]
        if not created:
            oldest = min(wait.begun for wait in self._waits.values())
            return datetime.now(UTC) - timedelta(seconds=self._clock() - oldest) - MARGIN
        return max(min(created), max(created) - REACH) - MARGIN

    async def _look_up(self, message_id: str) -> None:
        wait = self._waits.get(message_id)
        if wait is None or wait.end.done():
            return
        wait.looked_up = self._clock()
        try:
            self._update(await self._source.get(message_id))
        except NotFound as error:
            # A message accepted just now may not be visible yet.
            wait.misses += 1
            if wait.misses == MISSES:
                wait.finish(error)
        except InvalidMessage as error:  # it concerns this id only
            if worth_repeating(error):
                raise
            wait.finish(error)


def _call_soon(
    loop: asyncio.AbstractEventLoop, to: Callable[[MessageRecord], object], record: MessageRecord
) -> None:
    try:
        loop.call_soon_threadsafe(to, record)
    except RuntimeError:
        pass  # the loop is closed, and with it all its waits
