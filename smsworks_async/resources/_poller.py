"""Waiting for messages to be final: one poller for all who wait, and whoever has news.

The poller starts with the first who waits and ends with the last. Each look is one search for all
of them; what it does not show, and a message waited for alone, is looked up by its id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async.errors import (
    ConfigurationError,
    NotFound,
    SMSWorksError,
    StillInFlight,
)
from smsworks_async.models.incoming import MessageRecord


if TYPE_CHECKING:
    from smsworks_async.resources.messages import AsyncMessages


#: Seconds between two looks, at least and at most.
SHORTEST, LONGEST = 1.0, 30.0
#: The pause after a look, within those, as a part of how long the latest comer had waited by then.
GROWTH: Final = 0.5
#: How many records one search gives, how many searches make a look at most, and how many messages
#: that they do not show are looked up by their ids after them.
PAGE, PAGES, LOOKUPS = 1000, 5, 5
#: How far back a search reaches from the newest message that is waited for; older ones are looked
#: up by their ids, so that a few of them do not draw everybody else's messages along.
REACH: Final = timedelta(hours=1)
#: How much clocks, and when a message was sent and waited for, may differ.
MARGIN: Final = timedelta(minutes=10)
#: After how many looks in a row that did not find it a message is one that does not exist.
MISSES: Final = 3


@attrs.define(eq=False)
class _Wait:
    """One message, and all who wait for it."""

    end: asyncio.Future[MessageRecord | Exception]
    begun: float
    looked: float
    record: MessageRecord | None = None
    callers: int = 0
    misses: int = 0

    def finish(self, outcome: MessageRecord | Exception) -> None:
        if not self.end.done():
            self.end.set_result(outcome)


class Waits:
    """All the messages of one client that somebody waits for.

    Args:
        messages: where to look.
        clock: tells seconds.
        sleep: passes them.
    """

    def __init__(
        self,
        messages: AsyncMessages,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._messages = messages
        self._clock = clock
        self._sleep = sleep
        self._waits: dict[str, _Wait] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poller: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[object] | None = None
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
                    "arrive, and can be waited for again",
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

    def tell(self, record: MessageRecord) -> None:
        """Pass on what somebody else has learnt of a message; from any thread."""
        if self._loop is not None and record.message_id in self._waits:
            _pass_on(self._loop, self._learn, record)
        for listener, loop in list(self._listeners.items()):
            _pass_on(loop, listener.put_nowait, record)

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[MessageRecord]]:
        """Hear of all that is passed on, on the running loop."""
        listener: asyncio.Queue[MessageRecord] = asyncio.Queue()
        self._listeners[listener] = asyncio.get_running_loop()
        try:
            yield listener
        finally:
            del self._listeners[listener]

    def close(self) -> None:
        """End all waits: the client is closed."""
        for wait in self._waits.values():
            wait.finish(ConfigurationError("this client was closed meanwhile; make a new one"))

    def _join(self, message_id: str) -> _Wait:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the loop before it has closed, and all that was on it
            self._loop, self._waits, self._poller, self._nap = loop, {}, None, None
        wait = self._waits.get(message_id)
        if wait is None:
            now = self._clock()
            wait = self._waits[message_id] = _Wait(loop.create_future(), now, now)
            if self._nap is not None:
                self._nap.cancel()  # a newcomer is looked for sooner
        wait.callers += 1
        if self._poller is None or self._poller.done():
            self._poller = loop.create_task(self._poll())
        return wait

    def _leave(self, message_id: str, wait: _Wait) -> None:
        wait.callers -= 1
        if not wait.callers and self._waits.get(message_id) is wait:
            del self._waits[message_id]
        if not self._waits and self._poller is not None:
            self._poller.cancel()
            self._poller = None

    def _learn(self, record: MessageRecord) -> None:
        wait = self._waits.get(record.message_id)
        if wait is None:
            return
        wait.record, wait.misses = record, 0
        if record.is_final:
            wait.finish(record)

    # The poller

    async def _poll(self) -> None:
        try:
            while True:
                begun = self._clock()
                await self._look()
                while (left := begun + self._pause(begun) - self._clock()) > 0:
                    await self._take_a_nap(left)
        except Exception as error:  # whatever it is: nobody is left to wait for ever
            for wait in self._waits.values():
                wait.finish(error)

    def _pause(self, looked: float) -> float:
        """Give the seconds from one look to the next, which whoever came last decides."""
        latest = max((wait.begun for wait in self._waits.values()), default=looked)
        return min(max((looked - latest) * GROWTH, SHORTEST), LONGEST)

    async def _take_a_nap(self, seconds: float) -> None:
        nap = self._nap = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([nap])
        finally:
            nap.cancel()
            self._nap = None

    async def _look(self) -> None:
        try:
            shown = await self._search() if len(self._waits) > 1 else set()
            others = [(wait.looked, one) for one, wait in self._waits.items() if one not in shown]
            for _, message_id in sorted(others)[:LOOKUPS]:
                await self._look_up(message_id)
        except SMSWorksError as error:
            if not error.retryable:
                raise

    async def _search(self) -> set[str]:
        """Learn what a search shows of the messages that are waited for, and say which."""
        wanted, shown = set(self._waits), set[str]()
        since = self._since()
        for _ in range(min(len(wanted), PAGES)):
            records = await self._messages.search(from_=since, limit=PAGE, skip=self._skip)
            for record in records:
                if record.message_id in wanted:
                    shown.add(record.message_id)
                    self._learn(record)
            # What is beyond the last page of this look is on the first page of the next.
            self._skip = self._skip + PAGE if len(records) == PAGE and shown != wanted else 0
            if self._skip == 0:
                break
        return shown

    def _since(self) -> datetime:
        """Give the moment to search from: by the provider's clock, as soon as it has told one."""
        records = [wait.record for wait in self._waits.values()]
        made = [record.created for record in records if record and record.created]
        if not made:
            oldest = min(wait.begun for wait in self._waits.values())
            return datetime.now(UTC) - timedelta(seconds=self._clock() - oldest) - MARGIN
        return max(min(made), max(made) - REACH) - MARGIN

    async def _look_up(self, message_id: str) -> None:
        wait = self._waits.get(message_id)
        if wait is None or wait.end.done():
            return
        wait.looked = self._clock()
        try:
            self._learn(await self._messages.get(message_id))
        except NotFound as error:
            # One that was accepted just now may not be there yet.
            wait.misses += 1
            if wait.misses == MISSES:
                wait.finish(error)


def _pass_on(
    loop: asyncio.AbstractEventLoop, to: Callable[[MessageRecord], object], record: MessageRecord
) -> None:
    try:
        loop.call_soon_threadsafe(to, record)
    except RuntimeError:
        pass  # the loop has closed, and nobody waits on it any more
