"""The claim of a keyed call: its owner, and until when its request may be sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from smsworks_async._clock import Clock
from smsworks_async._http.requester import Requester
from smsworks_async._idempotency.completion import completed
from smsworks_async.bulk.campaign.journal_source import new_owner
from smsworks_async.bulk.campaign.waits import lease_for, lease_is_over
from smsworks_async.journals import Journal
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import State
from smsworks_async.models.report import BatchOutcome, Outcome


class Claims:
    """The claims of one call. The last one counts.

    Args:
        requester: makes the request.
        journal: the journal with the key.
        clock: the client's clock.
        key_hash: the key's hash.
    """

    def __init__(self, requester: Requester, journal: Journal, clock: Clock, key_hash: str) -> None:
        self._requester = requester
        self._journal = journal
        self._clock = clock
        self._key_hash = key_hash
        self._lease = lease_for(requester.settings.timeout)
        self._owner, self._pid = "", os.getpid()
        # The time of the claim by the monotonic clock, and of its lease's end by the journal's
        # clock.
        self._since, self._lease_end = 0.0, 0.0

    async def make(self, claim: Callable[..., Any]) -> KeyRecord | None:
        """Claim the key's request; return the result of `claim`.

        Args:
            claim: a transition of the journal, without its owner, lease and server time.
        """
        self._owner, self._pid = new_owner(), os.getpid()
        # Read both clocks before the claim, so that the lease does not seem longer here than
        # elsewhere.
        self._since, now = self._clock.monotonic(), await self._journal.now()
        claiming = asyncio.ensure_future(
            claim(owner=self._owner, lease=self._lease, server_time=self._requester.server_time())
        )
        try:
            kept: KeyRecord | None = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await completed(self._withdraw(claiming))
            raise
        if kept is not None and self.is_claimed(kept):
            self._lease_end = min(now + self._lease, kept.request.lease or now)
        return kept

    async def _withdraw(self, claiming: Awaitable[KeyRecord | None]) -> None:
        """Record that nothing is sent, if a claim has succeeded."""
        kept = await claiming
        if kept is not None and self.is_claimed(kept):
            outcome = BatchOutcome(0, Outcome.NOT_SENT, 1)
            await self._journal.finish_key(self._key_hash, kept.request, outcome, {})

    def is_claimed(self, kept: KeyRecord) -> bool:
        """Return whether a key's request belongs to this call."""
        return kept.request.state is State.SENDING and kept.request.owner == self._owner

    @property
    def is_inherited(self) -> bool:
        """Return whether this process was forked after the claim, which belongs to its parent."""
        return os.getpid() != self._pid

    def is_over(self) -> bool:
        """Return whether the request must not be sent, or not any more."""
        return self.is_inherited or lease_is_over(
            self._lease,
            since_claim=self._clock.monotonic() - self._since,
            now=self._wall_clock(),
            lease_end=self._lease_end,
        )

    def _wall_clock(self) -> float:
        # A remote journal has its own clock, which is approximated by this machine's.
        clock: Callable[[], float] = getattr(self._journal, "clock", self._clock.time)
        return clock()
