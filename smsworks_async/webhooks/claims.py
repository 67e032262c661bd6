"""Claims on reports: made before a function runs, renewed while it does, and ended after it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from smsworks_async.webhooks.renewals import Renewal


if TYPE_CHECKING:
    from smsworks_async.webhooks.seen import Seen
    from smsworks_async.webhooks.worlds import World


#: Seconds for which a claim holds, and after which it is renewed: twice more before it ends.
LEASE: Final = 60.0
RENEWAL: Final = 20.0
#: How many reports that were handled this process remembers while the store cannot.
UNRECORDED: Final = 1000

_log: Final = logging.getLogger("smsworks_async.webhooks")


class StoreFailed(Exception):
    """The store of handled reports failed before anything was handled; the cause says how."""


class Claims:
    """The claims of this process on reports in a store.

    Args:
        seen: the store.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._lock = threading.Lock()
        #: Message ids and statuses of what was handled, and is not in the store yet.
        self._unrecorded: set[tuple[str, str]] = set()

    async def handled(self, message_id: str, world: World) -> Collection[str]:
        """Return the statuses of a message that were handled.

        Raises:
            StoreFailed: the store could not be read.
        """
        try:
            found: Any = self._seen.statuses(message_id)
            if type(found) is not tuple:
                found = await world.settled(found)
        except Exception as error:
            raise StoreFailed from error
        if self._unrecorded:
            with self._lock:
                found = {*found, *(status for one, status in self._unrecorded if one == message_id)}
        handled: Collection[str] = found
        return handled

    async def claim(self, message_id: str, status: str, world: World) -> Claim | None:
        """Claim a report, and renew the claim until it is ended; None while another's holds.

        Raises:
            StoreFailed: the store could not be written to, or the claim could not be renewed.
        """
        claim = Claim(self, message_id, status, world)
        try:
            if not await claim.acquire():
                return None
        except Exception as error:
            raise StoreFailed from error
        try:
            claim.keep()
        except RuntimeError as error:
            await claim.release()
            raise StoreFailed from error
        return claim

    def remember(self, message_id: str, status: str) -> bool:
        """Remember here that a report was handled, unless too many are remembered."""
        with self._lock:
            if len(self._unrecorded) >= UNRECORDED:
                return False
            self._unrecorded.add((message_id, status))
            return True

    def forget(self, message_id: str, status: str) -> None:
        """Forget what the store has recorded."""
        with self._lock:
            self._unrecorded.discard((message_id, status))


class Claim:
    """A claim on a message, of an owner that is unique to it.

    Args:
        claims: those that it belongs to.
        message_id, status: the report.
        world: where its request is served.
    """

    __slots__ = (
        "_claims",
        "_ends",
        "_ends_by_wall",
        "_is_lost",
        "_message_id",
        "_owner",
        "_renewal",
        "_renewals",
        "_seen",
        "_status",
        "_world",
    )

    def __init__(self, claims: Claims, message_id: str, status: str, world: World) -> None:
        self._claims = claims
        self._seen = claims._seen
        self._message_id = message_id
        self._status = status
        self._world = world
        self._owner = uuid.uuid4().hex
        self._renewals = world.renewals()
        self._renewal: Renewal | None = None
        self._ends = self._ends_by_wall = 0.0
        self._is_lost = False

    async def acquire(self) -> bool:
        """Make the claim, or renew it, and return whether that was possible."""
        # Before the store is asked, so that the claim holds for as long as this says or longer.
        ends, ends_by_wall = time.monotonic() + LEASE, time.time() + LEASE
        claimed: Any = self._seen.claim(self._message_id, self._status, self._owner, LEASE)
        if type(claimed) is not bool:
            claimed = await self._world.settled(claimed)
        if claimed:
            self._ends, self._ends_by_wall = ends, ends_by_wall
        return bool(claimed)

    def keep(self) -> None:
        """Renew the claim from now on.

        Raises:
            RuntimeError: no thread can be started for that.
        """
        self._renewal = self._renewals.begin(self._renew, RENEWAL)

    async def release(self) -> None:
        """End the claim without a result: the report was not handled."""
        await self._stop()
        try:
            released = self._seen.release(self._message_id, self._owner)
            if released is not None:
                await self._world.settled(released)
        except Exception:
            _log.warning("a claim could not be released; it ends by itself", exc_info=True)

    async def record(self, status: str) -> None:
        """Record that a report was handled, and end the claim.

        Where the store fails, this process remembers the report, and tries again until it is
        recorded: handing it on once more would not undo that it was handled.

        Args:
            status: what was handled; it may differ from what was claimed.
        """
        await self._stop()
        now, now_by_wall = time.monotonic(), time.time()
        if now >= self._ends or now_by_wall >= self._ends_by_wall:
            self._warn_of_loss()
        try:
            saved = self._seen.add(self._message_id, status, self._owner)
            if saved is not None:
                await self._world.settled(saved)
        except Exception:
            if not self._claims.remember(self._message_id, status):
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

    async def _stop(self) -> None:
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
        if not self._is_lost:
            self._is_lost = True
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
                    await self._world.settled(saved)
            except Exception:
                _log.warning(
                    "that a report of message %s was handled could not be recorded yet; it is "
                    "tried again",
                    self._message_id,
                    exc_info=True,
                )
            else:
                self._renewals.discard(renewal)
                self._claims.forget(self._message_id, status)

        renewal = self._renewals.begin(record, RENEWAL)
