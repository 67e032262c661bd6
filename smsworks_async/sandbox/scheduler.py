"""What makes time pass for an account: due acts are done, posts handed over, changes saved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .callbacks import Postman, PostRecord
from .clock import Clock, ManualClock, RealClock


if TYPE_CHECKING:
    from collections.abc import Callable

    from .operations import Service
    from .settings import Reporting
    from .store import Store


_LONGEST_SLEEP = 3600.0  # seconds


class Pulse:
    """Brings an account up to its clock: before and after each request, and by one timer.

    Attributes:
        manual: the clock, where it is one that is turned by hand; the timer is for all others.
        posts: every attempt at a post, in the order in which they ended.
        store: where changes are saved, if anywhere.

    Args:
        reporting: how posts are made.
        may_post_to: whether anything may be posted to a URL.
    """

    def __init__(
        self,
        service: Service,
        clock: Clock | None,
        reporting: Reporting,
        may_post_to: Callable[[str], bool],
    ) -> None:
        self.manual = clock if isinstance(clock, ManualClock) else None
        self.posts: list[PostRecord] = []
        self.store: Store | None = None
        self.postman = Postman(reporting, self._posted)
        self.timer: asyncio.TimerHandle | None = None
        self._may_post_to = may_post_to
        self._service = service
        self._clock = clock or RealClock()

    def time(self) -> float:
        """Return the time by the sandbox's clock, in POSIX seconds."""
        return self._clock.time()

    def settle(self) -> float:
        """Do what is due, hand posts over, save what changed; return the time."""
        now = self._clock.time()
        account = self._service.account
        account.timeline.settle(now)
        while account.outbox:
            post = account.outbox.popleft()
            if self._may_post_to(post.url):
                self.postman.put(post)
            else:
                self.posts.append(PostRecord(post, refused=True))
        if self.store is not None:
            self.store.flush(self._service)
        self._arm(now)
        return now

    async def advance(self, seconds: float) -> None:
        """Turn a manual clock, stopping wherever something falls due, until that is posted too.

        Raises:
            RuntimeError: the clock is another.
            ValueError: that is backwards, or beyond the calendar.
        """
        if self.manual is None:
            raise RuntimeError("Only a sandbox with a ManualClock can be advanced")
        target = self.manual.later(seconds)
        timeline = self._service.account.timeline
        while True:
            self.settle()
            await self.postman.idle()
            due = timeline.next_due()
            if due is None or due > target:
                break
            self.manual.turn_to(due)
        self.manual.turn_to(target)

    def wake(self) -> None:
        """Do what the timer went off for."""
        self.timer = None
        self.settle()

    def stop(self) -> None:
        """Stop the timer."""
        if self.timer is not None:
            self.timer.cancel()

    def _arm(self, now: float) -> None:
        """Have the one timer go off when the next act falls due."""
        due = self._service.account.timeline.next_due()
        if due is None or self.manual is not None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + min(max(due - now, 0.0), _LONGEST_SLEEP)
        if self.timer is not None:
            if self.timer.when() <= when:
                return
            self.timer.cancel()
        self.timer = loop.call_at(when, self.wake)

    def _posted(self, record: PostRecord) -> None:
        self.posts.append(record)
        if record.status is None or record.status >= 500:
            now = self._clock.time()
            self._service.account.post_again(record.post, now)
            self._arm(now)
