"""Deduplication: each report is handled once, and reports of one message in sequence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, TypeAlias

from smsworks_async.models.incoming import FINAL_STATUSES
from smsworks_async.webhooks.claim import Claim, Unrecorded
from smsworks_async.webhooks.executors import Executor
from smsworks_async.webhooks.keyed_lock import KeyedLock
from smsworks_async.webhooks.seen import INCOMING, Seen


#: The longest wait in seconds for another copy of a message that is being handled.
MAX_WAIT: Final = 30.0
#: The first and the longest pause in seconds between attempts to claim a claimed message.
FIRST_PAUSE: Final = 0.05
MAX_PAUSE: Final = 1.0

#: Handles a report, given the handled statuses of its message. Returns the status that it handled,
#: or None if there was nothing to handle.
Handle: TypeAlias = Callable[[Collection[str]], Awaitable[str | None]]


class StoreFailed(Exception):
    """The store of handled reports failed before anything was handled; see the cause."""


class StillHandled(Exception):
    """Another copy of the report was still being handled after `MAX_WAIT` seconds."""


class Deduplicator:
    """Handles each report once, in this process and all others that share the store.

    Args:
        seen: the store.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._lock = KeyedLock()
        self._unrecorded = Unrecorded()

    async def run_once(
        self, message_id: str, status: str, executor: Executor, handle: Handle
    ) -> None:
        """Handle a report under a claim, unless it was handled before.

        Args:
            message_id, status: the report.
            executor: the executor of the request.
            handle: handles the report. If it raises, the report counts as not handled.

        Raises:
            StillHandled: a copy of it is being handled, and was not finished in time.
            StoreFailed: the store failed before `handle` was called.
        """
        deadline = time.monotonic() + MAX_WAIT
        while (released := self._lock.acquire(message_id)) is not None:
            if not await executor.wait(released, deadline - time.monotonic()):
                raise StillHandled
        try:
            claim = await self._claim(message_id, status, executor, deadline)
            if claim is not None:
                await self._run_under(claim, message_id, status, executor, handle)
        finally:
            self._lock.release(message_id)

    async def _run_under(
        self, claim: Claim, message_id: str, status: str, executor: Executor, handle: Handle
    ) -> None:
        """Handle a claimed report, then record it or release the claim."""
        try:
            # Another process may have handled it and released its claim since the last check.
            handled = await self._handled(message_id, executor)
            done = await handle(handled) if is_new(status, handled) else None
        except BaseException:
            await claim.release()
            raise
        if done is None:
            await claim.release()
        else:
            await claim.record(done)

    async def _claim(
        self, message_id: str, status: str, executor: Executor, deadline: float
    ) -> Claim | None:
        """Claim a report as soon as no other process has its message; None if it was handled."""
        pause = FIRST_PAUSE
        while is_new(status, await self._handled(message_id, executor)):
            claim = await self._try_claim(message_id, status, executor)
            if claim is not None:
                return claim
            left = deadline - time.monotonic()
            if left <= 0:
                raise StillHandled
            await executor.sleep(min(pause, left))
            pause = min(2 * pause, MAX_PAUSE)
        return None

    async def _try_claim(self, message_id: str, status: str, executor: Executor) -> Claim | None:
        """Claim a report, and start to renew the claim; None if another owner has it."""
        claim = Claim(self._seen, self._unrecorded, message_id, status, executor)
        try:
            if not await claim.acquire():
                return None
        except Exception as error:
            raise StoreFailed from error
        try:
            claim.start_renewing()
        except RuntimeError as error:
            await claim.release()
            raise StoreFailed from error
        return claim

    async def _handled(self, message_id: str, executor: Executor) -> Collection[str]:
        """Return the handled statuses of a message."""
        try:
            found: Any = self._seen.statuses(message_id)
            if type(found) is not tuple:
                found = await executor.resolve(found)
        except Exception as error:
            raise StoreFailed from error
        handled: Collection[str] = found
        if self._unrecorded.reports:
            handled = {*handled, *self._unrecorded.statuses(message_id)}
        return handled


def is_new(status: str, handled: Collection[str]) -> bool:
    """Return whether a status must be handled, given the handled statuses of its message.

    A status is handled once, and none after a final one: the first final status counts.
    """
    if not handled or status == INCOMING:
        return status not in handled
    return status not in handled and FINAL_STATUSES.isdisjoint(handled)
