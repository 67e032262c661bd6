"""A run of a campaign: planned whole, sent, reconciled, and accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async.bulk.engine import Engine
from smsworks_async.bulk.journals import Journal
from smsworks_async.bulk.journals.records import EVERY, Campaign, Entry, State
from smsworks_async.bulk.ledger import Ledger
from smsworks_async.bulk.options import Options, too_dear
from smsworks_async.bulk.pace import Pace
from smsworks_async.bulk.planning import plan
from smsworks_async.bulk.provider import Provider
from smsworks_async.bulk.recipients import Kind, Reader
from smsworks_async.bulk.reconcile import Reconciler
from smsworks_async.bulk.report import BulkReport
from smsworks_async.errors import ValidationError


T = TypeVar("T")

#: Seconds that a request may take where the client has no `timeout`.
_LONG: Final = 300.0
#: Seconds between two looks at what other processes are doing.
_LOOK: Final = 1.0
#: The longest that other processes are waited for, in seconds.
_LONGEST_WAIT: Final = 900.0
#: How often one run sends a chunk again that stays in doubt.
_RESENDS: Final = 2


def request_time(timeout: float | None) -> float:
    """Give the seconds that one request may take, answers and all."""
    return _LONG if timeout is None else timeout


def lease_for(timeout: float | None) -> float:
    """Give the seconds of a lease: longer than the longest call, its repetitions included."""
    return request_time(timeout) * 1.25 + 1.0


@attrs.frozen
class Run(Generic[T]):
    """One run of a campaign.

    Args:
        journal: where the campaign is kept.
        campaign: what it is.
        kind: what it sends.
        provider: whom it asks.
        options: how it goes.
        sleep: waits for so many seconds.
    """

    journal: Journal
    campaign: Campaign
    kind: Kind[T]
    provider: Provider
    options: Options
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def plan(self, values: Iterable[Any] | AsyncIterable[Any] | None) -> None:
        """Put the campaign into the journal, or see that it is the one that is there.

        Raises:
            ValidationError: it is another, or it is not there whole and no recipients were given.
        """
        kept = await self.journal.begin(self.campaign)
        if values is not None:
            reader = Reader(
                self.kind, self.options.chunk_size, deduplicate=self.options.deduplicate
            )
            await plan(self.journal, self.campaign.id, self.kind, values, reader)
        elif kept.totals is None:
            raise ValidationError(
                f"campaign {self.campaign.id!r} is not planned whole yet; give the recipients, all "
                "of them",
                field="destinations",
            )

    async def check_cost(self) -> None:
        """Refuse a run that would cost more than it may, before the first request.

        Raises:
            ValidationError: it would.
        """
        await self.journal.reopen(self.campaign.id, 0)
        states = (await self.journal.summary(self.campaign.id)).states
        limit = self.options.max_credits
        total = sum(sums.credits for sums in states.values())
        if limit is not None and total > limit:
            raise too_dear(total, "max_credits", f"max_credits is {limit:g}")
        if self.options.require_balance:
            rest = states[State.PENDING].credits if State.PENDING in states else 0.0
            balance = await self.provider.balance()
            if rest > balance:
                raise too_dear(rest, "require_balance", f"the balance is {balance:g}")

    async def carry_out(self, round: int = 0) -> BulkReport:
        """Send what is pending, reconcile what is in doubt, and account for everybody."""
        timeout = self.provider.timeout
        pace = Pace(self.options.concurrency, self.options.max_rate, admit=self.provider.admit)
        ledger = Ledger(self.journal, self.campaign.id, self.kind, lease_for(timeout), round)
        resent: dict[int, int] = {}
        await self.journal.reopen(self.campaign.id, round)
        while True:
            await ledger.begin()
            engine = Engine(
                ledger,
                self.provider.post(self.campaign.kind),
                pace,
                progress=self.options.progress,
                one_text=self.campaign.kind == "send",
            )
            await engine.carry_out()
            await self._wait_for_others()
            if engine.halt is None and await self._has_more(ledger, round):
                continue
            nothing = await self.reconciler().settle(self.options.settle)
            again = [
                entry
                for entry in nothing
                if entry.round == round and resent.get(entry.number, 0) < _RESENDS
            ]
            if engine.halt is not None or self.options.on_unknown != "resend" or not again:
                return await ledger.report(engine.halt)
            for entry in again:
                resent[entry.number] = resent.get(entry.number, 0) + 1
            await self._resend(again)

    def reconciler(self) -> Reconciler[T]:
        """Give what looks for what is in doubt."""
        return Reconciler(self.journal, self.campaign.id, self.kind, self.provider, self.sleep)

    async def _has_more(self, ledger: Ledger[T], round: int) -> bool:
        """Say whether others have handed chunks back that this run can send."""
        entries = await self.journal.entries(self.campaign.id, limit=EVERY)
        return any(
            entry.state is State.PENDING
            and entry.round == round
            and entry.number not in ledger.failed
            and not (entry.abroad and ledger.is_halted_abroad)
            for entry in entries
        )

    async def _wait_for_others(self) -> None:
        """Wait until nobody is sending any more, or their leases have ended.

        Not for ever: the lease of a process whose clock was ahead would last as long as that.
        """
        waited = 0.0
        while waited < _LONGEST_WAIT:
            await self.journal.stalled(self.campaign.id)
            lease = (await self.journal.summary(self.campaign.id)).lease
            if lease is None:
                return
            pause = min(lease, _LOOK)
            await self.sleep(pause)
            waited += pause

    async def _resend(self, entries: Sequence[Entry]) -> None:
        """Make chunks pending once their requests can no longer arrive, if nothing is found then.

        After the lease no byte of it leaves, and one request's time later the last has arrived.
        """
        wait = request_time(self.provider.timeout)
        now = await self.journal.now()
        left = max((entry.lease or 0.0) + wait - now for entry in entries)
        if left > 0:
            await self.sleep(left)
        nothing = {(entry.number, entry.attempt) for entry in await self.reconciler().settle(0)}
        for entry in entries:
            if (entry.number, entry.attempt) in nothing:
                await self.journal.resend(self.campaign.id, entry.number, entry.attempt, wait)
