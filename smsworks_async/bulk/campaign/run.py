"""One run of a campaign: plan, send, reconcile and report."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async._failures import dooms_account
from smsworks_async.bulk.campaign.journal_source import JournalSource, Quota
from smsworks_async.bulk.campaign.packing import unpack_chunk
from smsworks_async.bulk.campaign.plan import Planner
from smsworks_async.bulk.campaign.reconcile import CampaignDoubts
from smsworks_async.bulk.campaign.reconciler import Reconciler
from smsworks_async.bulk.campaign.scheduled import ScheduledBatches
from smsworks_async.bulk.campaign.waits import LONGEST_WAIT, lease_for, longest_request
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.costs import CostLimits, Prices
from smsworks_async.bulk.dispatcher import Dispatcher
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutList, OptOutView, another_list
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.progress import CallbackRaised, Reporter
from smsworks_async.bulk.recipients import Reader
from smsworks_async.bulk.source import interrupted, stopped_by, waits
from smsworks_async.bulk.timer import Timer, request_time
from smsworks_async.errors import ValidationError
from smsworks_async.journals import Journal
from smsworks_async.journals.checks import check_campaign, no_such
from smsworks_async.journals.records import (
    NO_LIMIT,
    Campaign,
    ChunkRecord,
    Command,
    Refused,
    State,
    Summary,
)
from smsworks_async.models.report import BulkReport, Phase
from smsworks_async.optouts import OptOuts


T = TypeVar("T")

#: The seconds between two checks of what other processes are doing.
_LOOK: Final = 1.0
#: The seconds between two checks of a campaign that waits for its window, without a callback.
_WINDOW_LOOK: Final = 10.0
#: How often one run resends a chunk that stays unknown.
_RESENDS: Final = 2


@attrs.frozen
class CampaignRun(Generic[T]):
    """One run of a campaign.

    Args:
        journal: the campaign's journal.
        campaign: the campaign.
        payload: the payload.
        gateway: the API.
        options: the run's options.
        timer: the run's timer.
    """

    journal: Journal
    campaign: Campaign
    payload: Payload[T]
    gateway: BulkGateway
    options: Options
    timer: Timer = attrs.field(factory=Timer)
    #: The opt-out list to respect; None for the journal's own.
    opt_outs: OptOutList | None = None
    #: Reports progress.
    reporter: Reporter = attrs.field(
        default=attrs.Factory(lambda run: run.make_reporter(), takes_self=True)
    )

    def make_reporter(self) -> Reporter:
        """Return the reporter of this run's progress."""
        return Reporter(self.options.progress, self.timer, f"campaign {self.campaign.id}")

    async def plan(self, values: Iterable[Any] | AsyncIterable[Any] | None) -> BulkReport | None:
        """Plan the campaign in the journal, or check that it matches the stored one.

        Returns:
            A report if there are no valid recipients, and so no campaign; otherwise None.

        Raises:
            ValidationError: a different campaign is stored, or planning is not complete and no
                recipients were passed.
            BulkInterrupted: the caller's code raised.
        """
        # Without recipients an unknown campaign name is an error.
        kept = await (self.journal.summary(self.campaign.id) if values is None else self._kept())
        if kept is not None:
            check_campaign(kept.campaign, self.campaign)
        if kept is None:
            self.options.check_at(await self.journal.now())
        if values is not None:
            reader = Reader(
                self.payload, self.options.chunk_size, deduplicate=self.options.deduplicate
            )
            begun = kept is not None and bool(kept.campaign.totals or kept.states)
            planner = Planner(
                self.journal, self.campaign, self.payload, reader, self.reporter, begun=begun
            )
            return await planner.plan(values)
        if kept is None:
            raise no_such(self.campaign.id)
        if kept.campaign.totals is None:
            raise ValidationError(
                f"campaign {self.campaign.id!r} is not completely planned yet; pass all its "
                "recipients",
                field="destinations",
            )
        return None

    async def _kept(self) -> Summary | None:
        """Return the stored summary of the campaign; None if there is none."""
        try:
            return await self.journal.summary(self.campaign.id)
        except ValidationError:  # the campaign does not exist
            return None

    async def check_cost(self) -> None:
        """Check the campaign's cost against the run's limits. It only reads.

        It uses current prices, not those of the plan, which counts numbers outside the UK double.

        Raises:
            ValidationError: a limit is exceeded.
            APIError: the API rejected the request for a price or the balance.
        """
        if not self.options.limits_cost:
            return
        limits = CostLimits(self.options, self.gateway)
        credits = dict.fromkeys(State, 0.0)
        after = -1
        while page := await self.journal.chunks(self.campaign.id, after):
            for entry in page:
                if not entry.round and entry.state is not State.SPLIT:
                    credits[entry.state] += await self._credits(entry, limits.prices)
            after = page[-1].number
        await limits.check(total=sum(credits.values()), rest=credits[State.PENDING])

    async def _credits(self, entry: ChunkRecord, prices: Prices) -> float:
        if not entry.international:
            return entry.credits
        claim = await self.journal.read_chunk(self.campaign.id, entry.number)
        return await prices.of_chunk(self.payload, unpack_chunk(claim, self.payload))

    async def run(self, round: int = 0) -> BulkReport:
        """Send pending chunks, reconcile unknown ones, and account for every recipient.

        Raises:
            ValidationError: a cost limit is exceeded; nothing was sent.
            APIError: a price or the balance could not be read; nothing was sent.
            BulkInterrupted: the callback raised.
            JournalError: the journal cannot be read or written.
        """
        opt_outs = await self.prepare()
        batches = self.batches(opt_outs)
        source = await self.source(round, opt_outs, batches)
        self.reporter.refresh = source.refresh
        await self.journal.reopen(self.campaign.id, round)
        await self.check_cost()
        try:
            report = await self._run(source, round, batches)
            return attrs.evolve(report, too_late=batches.too_late)
        except CallbackRaised as raised:
            raise await interrupted(source, raised.error, None) from raised.error

    def batches(self, opt_outs: OptOutView | None) -> ScheduledBatches[T]:
        """Return the object that cancels scheduled batches that must not be sent."""
        return ScheduledBatches(
            self.journal,
            self.campaign,
            self.payload,
            self.gateway,
            opt_outs=opt_outs,
            reporter=self.reporter,
        )

    async def source(
        self,
        round: int,
        opt_outs: OptOutView | None,
        batches: ScheduledBatches[T],
        quota: Quota | None = None,
    ) -> JournalSource[T]:
        """Return the source of the chunks of a round.

        Args:
            round: the round.
            opt_outs: the opt-outs; None if they are not respected.
            batches: notified of each scheduled batch.
            quota: limits the claims; None for no limit.
        """
        return JournalSource(
            self.journal,
            self.campaign.id,
            self.payload,
            lease_for(self.gateway.timeout),
            round,
            monotonic=self.timer.monotonic,
            server_time=self.gateway.server_time,
            opt_outs=opt_outs,
            on_accepted=None if round else batches.check_control,
            lists_opt_outs=opt_outs is not None and await self._lists(opt_outs),
            quota=quota,
        )

    async def _run(
        self, source: JournalSource[T], round: int, batches: ScheduledBatches[T]
    ) -> BulkReport:
        at = None if round else self.campaign.at
        dispatcher = Dispatcher(self.payload, self.gateway, self.options, self.reporter, at)
        reconciler = Reconciler(
            CampaignDoubts(self.journal, self.campaign, self.payload, self.gateway),
            timer=self.timer,
            reporter=self.reporter,
        )
        resent: dict[int, int] = {}
        while True:
            await batches.tidy()
            await source.begin()
            halt = await dispatcher.send(source)
            if halt is not None and dooms_account(halt):
                await self.journal.steer(self.campaign.id, Command.HALT, str(halt))
            refused = None if halt else await self._wait_until_allowed(source)
            await self._wait_for_others()
            halt = halt or (None if refused is None else stopped_by(refused, self.campaign.id))
            if halt is None and await self.has_more(source):
                continue
            nothing = await reconciler.settle(self.options.settle)
            if await batches.tidy() and halt is None:
                continue
            lost = [
                entry
                for entry in nothing
                if entry.round == round and resent.get(entry.number, 0) < _RESENDS
            ]
            if halt is not None or self.options.on_unknown != "resend" or not lost:
                return await source.report(halt)
            for entry in lost:
                resent[entry.number] = resent.get(entry.number, 0) + 1
            await self._resend(lost, reconciler)

    async def prepare(self) -> OptOutView | None:
        """Lift a halt, and return the opt-outs: see `respected`."""
        await self.journal.steer(self.campaign.id, Command.LIFT)
        return await self.respected()

    async def respected(self) -> OptOutView | None:
        """Return the opt-outs; None if the campaign does not respect them.

        Raises:
            ConfigurationError: the campaign respects a different list; nothing was sent.
            ValidationError: it was created with another `respect_opt_outs`; nothing was sent.
        """
        respects = self.options.respect_opt_outs
        opt_outs = self.opt_outs or OptOuts(self.journal)
        wanted = "" if respects is False else await opt_outs.identity()
        kept = (await self.journal.respect(self.campaign.id, wanted)).opt_outs
        if respects is not None and (kept == "") is respects:
            raise ValidationError(
                f"campaign {self.campaign.id!r} was created with respect_opt_outs={not respects}; "
                "pass the same value, or use a new campaign name",
                field="respect_opt_outs",
            )
        if kept == "":
            return None
        if kept != wanted:
            raise another_list(self.campaign.id)
        return OptOutView(opt_outs)

    async def _lists(self, view: OptOutView) -> bool:
        """Return whether an opt-out list is the one in the campaign's journal."""
        return await view.identity() == await OptOuts(self.journal).identity()

    async def _wait_until_allowed(self, source: JournalSource[T]) -> Refused | None:
        """Wait for the sending window, if that is why the run ended.

        Returns:
            The reason why nothing more may be sent in this run, or None.
        """
        refused = source.refused
        while refused is not None and waits(refused):
            opens = refused.opens or 0.0
            left = opens - await self.journal.now()
            await self.reporter.enter(
                Phase.WAITING_FOR_WINDOW, f"its sending window, {refused.window}", left
            )
            await self.timer.sleep(min(max(left, 0.0), self.reporter.interval or _WINDOW_LOOK))
            # It may have been paused meanwhile, or its window may have changed.
            refused = await self.journal.controls(self.campaign.id, source.round)
        return refused

    async def has_more(self, source: JournalSource[T]) -> bool:
        """Return whether other processes have returned chunks that this run can send."""
        after = -1
        while page := await self.journal.chunks(self.campaign.id, after, state=State.PENDING):
            if any(
                entry.round == source.round
                and entry.number not in source.failed
                and not (entry.international and source.is_international_halted)
                for entry in page
            ):
                return True
            after = page[-1].number
        return False

    async def _wait_for_others(self) -> None:
        """Wait until no other process is sending, or their leases have expired.

        The wait is limited, since a lease could be arbitrarily long if a clock was ahead.
        """
        waited = 0.0
        while waited < LONGEST_WAIT:
            await self.journal.expire_leases(self.campaign.id)
            # Few, while a summary reads all chunks.
            sending = await self.journal.chunks(
                self.campaign.id, limit=NO_LIMIT, state=State.SENDING
            )
            if not sending:
                return
            ends = min(entry.lease or 0.0 for entry in sending)
            lease = max(0.0, ends - await self.journal.now())
            await self.reporter.enter(
                Phase.WAITING_FOR_OTHERS, "requests of other processes, or their leases", lease
            )
            pause = min(lease, _LOOK)
            await self.timer.sleep(pause)
            waited += pause

    async def _resend(self, entries: Sequence[ChunkRecord], reconciler: Reconciler) -> None:
        """Make chunks pending again that can no longer be accepted, as far as is known."""
        for entry in await reconciler.rule_out(entries, self.options.settle):
            wait = longest_request(entry, request_time(self.gateway.timeout))
            await self.journal.resend(self.campaign.id, entry.number, entry.attempt, wait)
