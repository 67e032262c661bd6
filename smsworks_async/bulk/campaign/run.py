"""A run of a campaign: planned whole, sent, reconciled, and accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async.bulk.campaign.journal_source import Ledger
from smsworks_async.bulk.campaign.plan import Planner, unpacked
from smsworks_async.bulk.campaign.reconcile import Reconciler
from smsworks_async.bulk.campaign.waits import (
    LONGEST_WAIT,
    Timer,
    lease_for,
    longest_request,
    request_time,
)
from smsworks_async.bulk.costs import Prices, check_limits
from smsworks_async.bulk.engine import Engine, interrupted
from smsworks_async.bulk.gateway import Provider
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.progress import CallbackRaised, Reporter
from smsworks_async.bulk.recipients import Kind, Reader
from smsworks_async.bulk.throttle import Pace
from smsworks_async.errors import ValidationError
from smsworks_async.journals import Journal
from smsworks_async.journals.checks import check_campaign, no_such
from smsworks_async.journals.records import NO_LIMIT, Campaign, ChunkRecord, State, Summary
from smsworks_async.models.report import BulkReport, Phase


T = TypeVar("T")

#: Seconds between two looks at what other processes are doing.
_LOOK: Final = 1.0
#: How often one run sends a chunk again that stays in doubt.
_RESENDS: Final = 2


@attrs.frozen
class Run(Generic[T]):
    """One run of a campaign.

    Args:
        journal: where the campaign is kept.
        campaign: what it is.
        kind: what it sends.
        provider: whom it asks.
        options: how it goes.
        timer: how to wait.
    """

    journal: Journal
    campaign: Campaign
    kind: Kind[T]
    provider: Provider
    options: Options
    timer: Timer = attrs.field(factory=Timer)
    #: Tells how far it has got.
    reporter: Reporter = attrs.field(
        default=attrs.Factory(lambda run: run.make_reporter(), takes_self=True)
    )

    def make_reporter(self) -> Reporter:
        """Return what tells the callback and the log of this run."""
        return Reporter(self.options.progress, self.timer, f"campaign {self.campaign.id}")

    async def plan(self, values: Iterable[Any] | AsyncIterable[Any] | None) -> BulkReport | None:
        """Put the campaign into the journal, or see that it is the one that is there.

        Returns:
            A report, where there is no valid recipient: then there is no campaign. Otherwise None.

        Raises:
            ValidationError: it is another, or it is not there whole and no recipients were given.
            BulkInterrupted: the caller's code raised.
        """
        # Without recipients a name that the journal does not have is an error.
        kept = await (self.journal.summary(self.campaign.id) if values is None else self._kept())
        if kept is not None:
            check_campaign(kept.campaign, self.campaign)
        if values is not None:
            reader = Reader(
                self.kind, self.options.chunk_size, deduplicate=self.options.deduplicate
            )
            begun = kept is not None and bool(kept.campaign.totals or kept.states)
            planner = Planner(
                self.journal, self.campaign, self.kind, reader, self.reporter, begun=begun
            )
            return await planner.plan(values)
        if kept is None:
            raise no_such(self.campaign.id)
        if kept.campaign.totals is None:
            raise ValidationError(
                f"campaign {self.campaign.id!r} is not planned whole yet; give the recipients, all "
                "of them",
                field="destinations",
            )
        return None

    async def _kept(self) -> Summary | None:
        """Return what the journal has of the campaign; None where it has nothing."""
        try:
            return await self.journal.summary(self.campaign.id)
        except ValidationError:  # it has no campaign of this name
            return None

    async def check_cost(self) -> None:
        """Refuse a run that would cost more than it may, before the first request.

        It goes by today's prices, and not by the plan, which counts numbers outside the UK double.

        Raises:
            ValidationError: it would.
            APIError: the API refused to tell a price or the balance.
        """
        if self.options.max_credits is None and not self.options.require_balance:
            return
        prices = Prices(self.provider.cost)
        credits = dict.fromkeys(State, 0.0)
        after = -1
        while page := await self.journal.chunks(self.campaign.id, after):
            for entry in page:
                if not entry.round and entry.state is not State.SPLIT:
                    credits[entry.state] += await self._credits(entry, prices)
            after = page[-1].number
        await check_limits(
            self.options,
            prices,
            self.provider,
            total=sum(credits.values()),
            rest=credits[State.PENDING],
        )

    async def _credits(self, entry: ChunkRecord, prices: Prices) -> float:
        if not entry.international:
            return entry.credits
        claim = await self.journal.read_chunk(self.campaign.id, entry.number)
        return await prices.credits(self.kind, unpacked(claim, self.kind).items)

    async def carry_out(self, round: int = 0) -> BulkReport:
        """Send what is pending, reconcile what is in doubt, and account for everybody."""
        ledger = Ledger(
            self.journal,
            self.campaign.id,
            self.kind,
            lease_for(self.provider.timeout),
            round,
            monotonic=self.timer.monotonic,
            server_time=self.provider.server_time,
        )
        self.reporter.refresh = ledger.refresh
        try:
            return await self._carry_out(ledger, round)
        except CallbackRaised as raised:
            raise await interrupted(ledger, raised.error, None) from raised.error

    async def _carry_out(self, ledger: Ledger[T], round: int) -> BulkReport:
        timeout = self.provider.timeout
        pace = Pace(self.options.concurrency, self.options.max_rate, admit=self.provider.admit)
        reconciler = self.reconciler()
        resent: dict[int, int] = {}
        await self.journal.reopen(self.campaign.id, round)
        while True:
            await ledger.begin()
            engine = Engine(
                ledger,
                self.provider.post(self.campaign.kind, limit=request_time(timeout)),
                pace,
                reporter=self.reporter,
                one_text=self.campaign.kind == "send",
            )
            await engine.carry_out()
            await self._wait_for_others()
            if engine.halt is None and await self._has_more(ledger, round):
                continue
            nothing = await reconciler.settle(self.options.settle)
            again = [
                entry
                for entry in nothing
                if entry.round == round and resent.get(entry.number, 0) < _RESENDS
            ]
            if engine.halt is not None or self.options.on_unknown != "resend" or not again:
                return await ledger.report(engine.halt)
            for entry in again:
                resent[entry.number] = resent.get(entry.number, 0) + 1
            await self._resend(again, reconciler)

    def reconciler(self) -> Reconciler[T]:
        """Return what looks for what is in doubt."""
        return Reconciler(
            self.journal,
            self.campaign.id,
            self.kind,
            self.provider,
            self.timer,
            reporter=self.reporter,
        )

    async def _has_more(self, ledger: Ledger[T], round: int) -> bool:
        """Say whether others have handed chunks back that this run can send."""
        pending = await self.journal.chunks(self.campaign.id, limit=NO_LIMIT, state=State.PENDING)
        return any(
            entry.round == round
            and entry.number not in ledger.failed
            and not (entry.international and ledger.is_halted_abroad)
            for entry in pending
        )

    async def _wait_for_others(self) -> None:
        """Wait until nobody is sending any more, or their leases have ended.

        Not for ever: the lease of a process whose clock was ahead would last as long as that.
        """
        waited = 0.0
        while waited < LONGEST_WAIT:
            await self.journal.expire_leases(self.campaign.id)
            lease = (await self.journal.summary(self.campaign.id)).lease
            if lease is None:
                return
            await self.reporter.enter(
                Phase.WAITING_FOR_OTHERS, "requests of other processes, or their leases", lease
            )
            pause = min(lease, _LOOK)
            await self.timer.sleep(pause)
            waited += pause

    async def _resend(self, entries: Sequence[ChunkRecord], reconciler: Reconciler[T]) -> None:
        """Make those pending of which nothing can have been accepted, as far as can be found."""
        for entry in await reconciler.rule_out(entries, self.options.settle):
            wait = longest_request(entry, request_time(self.provider.timeout))
            await self.journal.resend(self.campaign.id, entry.number, entry.attempt, wait)
