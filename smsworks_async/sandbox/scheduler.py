"""The scheduler: it runs a simulator's due events, posts callbacks, and saves changes."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from .callbacks import CallbackSender
from .clock import ManualClock, RunningClock
from .outbox import PostRecord


if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Reporting
    from .simulator import Simulator
    from .store import Store


_LONGEST_SLEEP = 3600.0  # seconds
_SHORTEST_SLEEP = 0.01


class Scheduler:
    """Run a simulator's due events: before and after each request, and by a timer.

    Attributes:
        manual: whether the clock is a `ManualClock`, which needs no timer.
        sender: the sender of callbacks.
        store: the store for changes; None without a database.
        timer: the handle of the timer, or None.

    Args:
        simulator: the simulator.
        reporting: how callbacks are posted.
        may_post_to: a function that returns whether a URL may be posted to.
    """

    def __init__(
        self, simulator: Simulator, reporting: Reporting, may_post_to: Callable[[str], bool]
    ) -> None:
        clock = simulator.clock
        self.manual = isinstance(clock, ManualClock)
        self._adjustable = clock if isinstance(clock, ManualClock | RunningClock) else None
        self.store: Store | None = None
        self.sender = CallbackSender(reporting, self._record_attempt, clock)
        self.timer: asyncio.TimerHandle | None = None
        self._woken = -math.inf
        self._timed: float | None = None
        self._may_post_to = may_post_to
        self._most_waiting = simulator.state.account.settings.keep_messages or math.inf
        self._simulator = simulator

    def settle(self, now: float | None = None) -> float:
        """Run due events, queue callbacks, save changes, and return the time in POSIX seconds.

        Args:
            now: the time, in POSIX seconds; None for that of the clock.
        """
        now = self._simulator.settle(now)
        for post in self._simulator.state.account.outbox.take():
            self._queue(PostRecord(post, at=now))
        if self.store is not None:
            self.store.flush(self._simulator.state)
        self._set_timer(now)
        return now

    def _queue(self, record: PostRecord) -> None:
        self._simulator.begin_attempt(record)
        if not (self.sender.in_process or self._may_post_to(record.post.url)):
            record.refused = True
            record.error = "refused: add the host to callback_hosts"
        elif self.sender.waiting >= self._most_waiting * (1 if self.sender.is_unanswered else 10):
            record.error = f"dropped: {self.sender.waiting} others are queued (keep_messages)"
        else:
            self.sender.put(record)
            return
        self._simulator.end_attempt(record)

    async def advance(self, seconds: float) -> None:
        """Advance the clock in steps from event to event, waiting each time for the posts.

        Raises:
            RuntimeError: the clock cannot be advanced.
            ValueError: ``seconds`` is negative, or leads beyond the year 9999.
        """
        clock = self._adjustable
        if clock is None:
            raise RuntimeError(
                "the sandbox's clock cannot be advanced; pass clock=ManualClock() or "
                "clock=RunningClock()"
            )
        target = clock.later(seconds)
        timeline = self._simulator.state.account.timeline
        while True:
            self.settle()
            await self.sender.join()
            due = timeline.next_due()
            if due is None or due > target:
                break
            clock.turn_to(due)
        clock.turn_to(target)
        self._timed = None  # the due time is nearer now than when the timer was set
        self._simulator.feed.note()

    async def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, post it once, and return its message id."""
        fields = {"sender": sender, "to": to, "content": content, "keyword": keyword}
        message_id = self._simulator.receive(fields, self.settle())
        self.settle()
        await self.sender.join()
        return message_id

    async def deliver(self) -> None:
        """Post everything that is due, and wait for the posts."""
        self.settle()
        await self.sender.join()

    def reset(self) -> None:
        """Reset the simulator, and empty its store."""
        self._simulator.reset()
        if self.store is not None:
            self.store.clear()
            self.store.watch(self._simulator.state)

    def wake(self) -> None:
        """Run the events for which the timer was set."""
        self.timer = None
        self._woken = asyncio.get_running_loop().time()
        self.settle()

    def stop(self) -> None:
        """Stop the timer."""
        if self.timer is not None:
            self.timer.cancel()

    def _set_timer(self, now: float) -> None:
        """Set the timer to the time of the next event."""
        due = self._simulator.state.account.timeline.next_due()
        if due is None or self.manual:
            return
        if self.timer is not None and self._timed is not None and due >= self._timed:
            return  # it sets the timer again when it fires
        self._timed = due
        loop = asyncio.get_running_loop()
        # Under load, events are run in groups instead of with a timer for each.
        when = max(
            loop.time() + min(max(due - now, 0.0), _LONGEST_SLEEP), self._woken + _SHORTEST_SLEEP
        )
        if self.timer is not None:
            if self.timer.when() <= when:
                return
            self.timer.cancel()
        self.timer = loop.call_at(when, self.wake)

    def _record_attempt(self, record: PostRecord) -> None:
        self._simulator.end_attempt(record)
        if record.status is None or record.status >= 500:
            now = self._simulator.clock.time()
            self._simulator.state.account.outbox.retry(record.post, now)
            self._set_timer(now)
