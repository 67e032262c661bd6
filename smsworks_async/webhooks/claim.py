"""A claim on a report: made before a function runs, renewed meanwhile, and released after it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any, Final

from smsworks_async.webhooks.executors import Executor
from smsworks_async.webhooks.renewals import Renewal
from smsworks_async.webhooks.seen import Seen


#: The duration of a claim and the interval of its renewal, which leaves two more attempts.
LEASE: Final = 60.0
RENEWAL: Final = 20.0
#: The most handled reports that this process remembers while the store cannot record them.
MAX_UNRECORDED: Final = 1000

_log: Final = logging.getLogger("smsworks_async.webhooks")


class Unrecorded:
    """Handled reports that the store could not record yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Message ids and statuses. It is usually empty, which is checked without a call.
        self.reports: set[tuple[str, str]] = set()

    def statuses(self, message_id: str) -> set[str]:
        """Return the statuses of a message that were handled and not recorded."""
        with self._lock:
            return {status for known, status in self.reports if known == message_id}

    def add(self, message_id: str, status: str) -> bool:
        """Add a report; return whether there was room for it."""
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
        unrecorded: holds handled reports while the store fails.
        message_id, status: the report.
        executor: the executor of the request.
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
        """Make or renew the claim; return whether that succeeded."""
        # Read before the call of the store, so that the claim is valid at least until then.
        expires, expires_by_wall = time.monotonic() + LEASE, time.time() + LEASE
        claimed: Any = self._seen.claim(self._message_id, self._status, self._owner, LEASE)
        if type(claimed) is not bool:
            claimed = await self._executor.resolve(claimed)
        if claimed:
            self._expires, self._expires_by_wall = expires, expires_by_wall
        return bool(claimed)

    def start_renewing(self) -> None:
        """Start to renew the claim regularly.

        Raises:
            RuntimeError: no thread can be started.
        """
        self._renewal = self._renewals.begin(self._renew, RENEWAL)

    async def release(self) -> None:
        """Release the claim without a result: the report was not handled."""
        await self._stop_renewing()
        try:
            released = self._seen.release(self._message_id, self._owner)
            if released is not None:
                await self._executor.resolve(released)
        except Exception:
            _log.warning("a claim could not be released; it will expire", exc_info=True)

    async def record(self, status: str) -> None:
        """Record that a report was handled, and release the claim.

        If the store fails, this process remembers the report and retries until it is recorded,
        since handling it again would be wrong.

        Args:
            status: the status that was handled; it may differ from the claimed one.
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
                "a report of message %s was handled, but that could not be recorded; recording is "
                "retried every %g seconds, and a copy that another process gets meanwhile may be "
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
            _log.warning("a claim could not be renewed; it will be retried", exc_info=True)

    def _warn_of_loss(self) -> None:
        if not self._was_lost:
            self._was_lost = True
            _log.warning(
                "the claim on a report of message %s expired while the report was handled, so "
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
                    "a handled report of message %s could not be recorded yet; recording is "
                    "retried",
                    self._message_id,
                    exc_info=True,
                )
            else:
                self._renewals.discard(renewal)
                self._unrecorded.discard(self._message_id, status)

        renewal = self._renewals.begin(record, RENEWAL)
