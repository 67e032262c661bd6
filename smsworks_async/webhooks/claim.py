"""A claim on a report: made before a function runs, renewed while it does, and ended after it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any, Final

from smsworks_async.webhooks.executors import Executor
from smsworks_async.webhooks.renewals import Renewal
from smsworks_async.webhooks.seen import Seen


#: Seconds for which a claim holds, and after which it is renewed: twice more before it ends.
LEASE: Final = 60.0
RENEWAL: Final = 20.0
#: Handled reports that this process remembers at most while the store cannot record them.
MAX_UNRECORDED: Final = 1000

_log: Final = logging.getLogger("smsworks_async.webhooks")


class Unrecorded:
    """Reports that were handled, and that the store could not record yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Message ids and statuses; mostly empty, which is read without a call.
        self.reports: set[tuple[str, str]] = set()

    def statuses(self, message_id: str) -> set[str]:
        """Return the statuses of a message that were handled and not recorded."""
        with self._lock:
            return {status for known, status in self.reports if known == message_id}

    def add(self, message_id: str, status: str) -> bool:
        """Add a report, and return whether there was room for it."""
        with self._lock:
            if len(self.reports) >= MAX_UNRECORDED:
                return False
            self.reports.add((message_id, status))
            return True

    def discard(self, message_id: str, status: str) -> None:
        """Remove a report that the store has recorded."""
        with self._lock:
            self.reports.discard((message_id, status))


class Claim:
    """A claim on a message, with an owner that is unique to it.

    Args:
        seen: the store.
        unrecorded: where a handled report is kept while the store fails.
        message_id, status: the report.
        executor: serves the request.
    """

    __slots__ = (
        "_executor",
        "_expires",
        "_expires_by_wall",
        "_message_id",
        "_owner",
        "_renewal",
        "_renewals",
        "_seen",
        "_status",
        "_unrecorded",
        "_was_lost",
    )

    def __init__(
        self, seen: Seen, unrecorded: Unrecorded, message_id: str, status: str, executor: Executor
    ) -> None:
        self._seen = seen
        self._unrecorded = unrecorded
        self._message_id = message_id
        self._status = status
        self._executor = executor
        self._owner = uuid.uuid4().hex
        self._renewals = executor.renewals()
        self._renewal: Renewal | None = None
        self._expires = self._expires_by_wall = 0.0
        self._was_lost = False

    async def acquire(self) -> bool:
        """Make the claim, or renew it, and return whether that was possible."""
        # Read before the store is called, so that the claim holds until then or longer.
        expires, expires_by_wall = time.monotonic() + LEASE, time.time() + LEASE
        claimed: Any = self._seen.claim(self._message_id, self._status, self._owner, LEASE)
        if type(claimed) is not bool:
            claimed = await self._executor.resolve(claimed)
        if claimed:
            self._expires, self._expires_by_wall = expires, expires_by_wall
        return bool(claimed)

    def start_renewing(self) -> None:
        """Renew the claim from now on.

        Raises:
            RuntimeError: no thread can be started for that.
        """
        self._renewal = self._renewals.begin(self._renew, RENEWAL)

    async def release(self) -> None:
        """End the claim without a result: the report was not handled."""
        await self._stop_renewing()
        try:
            released = self._seen.release(self._message_id, self._owner)
            if released is not None:
                await self._executor.resolve(released)
        except Exception:
            _log.warning("a claim could not be released; it ends by itself", exc_info=True)

    async def record(self, status: str) -> None:
        """Record that a report was handled, and end the claim.

        If the store fails, this process remembers the report, and tries again until it is
        recorded: handing it on once more would not undo that it was handled.

        Args:
            status: the status that was handled; it may differ from the one that was claimed.
        """
        await self._stop_renewing()
        now, now_by_wall = time.monotonic(), time.time()
        if now >= self._expires or now_by_wall >= self._expires_by_wall:
            self._warn_of_loss()
        try:
            saved = self._seen.add(self._message_id, status, self._owner)
            if saved is not None:
                await self._executor.resolve(saved)
        except Exception:
            if not self._unrecorded.add(self._message_id, status):
                raise
            _log.warning(
                "a report of message %s was handled, and that could not be recorded; it is tried "
                "again every %g seconds, and a copy that another process gets meanwhile may be "
                "handled a second time",
                self._message_id,
                RENEWAL,
                exc_info=True,
            )
            self._record_later(status)

    async def _stop_renewing(self) -> None:
        if self._renewal is not None:
            renewal, self._renewal = self._renewal, None
            await self._renewals.end(renewal)

    async def _renew(self) -> None:
        try:
            if not await self.acquire():
                self._warn_of_loss()
        except Exception:
            _log.warning("a claim could not be renewed; it is tried again", exc_info=True)

    def _warn_of_loss(self) -> None:
        if not self._was_lost:
            self._was_lost = True
            _log.warning(
                "the claim on a report of message %s ended while the report was handled, so that "
                "another process may have handled it a second time",
                self._message_id,
            )

    def _record_later(self, status: str) -> None:
        async def record() -> None:
            try:
                saved = self._seen.add(self._message_id, status, self._owner)
                if saved is not None:
                    await self._executor.resolve(saved)
            except Exception:
                _log.warning(
                    "that a report of message %s was handled could not be recorded yet; it is "
                    "tried again",
                    self._message_id,
                    exc_info=True,
                )
            else:
                self._renewals.discard(renewal)
                self._unrecorded.discard(self._message_id, status)

        renewal = self._renewals.begin(record, RENEWAL)
