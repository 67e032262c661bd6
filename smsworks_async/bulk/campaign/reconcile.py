"""Reconciliation of a campaign: the search for its unknown chunks at the provider."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import attrs

from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.bulk.campaign.reconciler import Reconciler
from smsworks_async.bulk.campaign.report import make_report
from smsworks_async.bulk.campaign.scheduled import ScheduledBatches
from smsworks_async.bulk.campaign.search import ChunkSearch
from smsworks_async.bulk.campaign.stored import StoredCampaign
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.progress import Reporter
from smsworks_async.bulk.timer import Timer, request_time
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import Campaign, ChunkRecord
from smsworks_async.models.report import BulkReport


class CampaignDoubts:
    """The unknown chunks of a campaign; implements `reconciler.Doubts`.

    Args:
        journal: the campaign's journal.
        campaign: the campaign.
        payload: the payload.
        gateway: the API.
    """

    def __init__(
        self, journal: Journal, campaign: Campaign, payload: Payload[Any], gateway: BulkGateway
    ) -> None:
        self._journal = journal
        self._campaign = campaign.id
        self._search = ChunkSearch(journal, campaign.id, payload, gateway, campaign.at)
        self.prepare = self._search.prepare
        self.now = journal.now
        self.request_time = request_time(gateway.timeout)

    async def unknown(self) -> Sequence[ChunkRecord]:
        """Return the chunks that are unknown now."""
        await self._journal.expire_leases(self._campaign)
        return await self._journal.unknown_chunks(self._campaign)

    async def look(self, entry: ChunkRecord) -> Finding:
        """Search once for one chunk."""
        return await self._search.look(entry)

    def describe(self, entry: ChunkRecord) -> str:
        """Return the name of a chunk for the log."""
        return f"campaign {self._campaign}: chunk {entry.number} of {entry.size} recipients"


async def reconcile(
    stored: StoredCampaign,
    gateway: BulkGateway,
    settle: float,
    timer: Timer,
    *,
    restored: bool = False,
    opt_outs: OptOutView | None = None,
) -> BulkReport:
    """Search for unknown chunks, and account for every recipient.

    Scheduled batches that must not be sent are cancelled: see `ScheduledBatches`.

    Args:
        stored: the campaign.
        gateway: the API.
        settle: the seconds during which they are searched for repeatedly.
        timer: the run's timer.
        restored: whether the journal was restored from a copy, so that pending chunks count as
            unknown, too. Those without a trace become pending again.
        opt_outs: the opt-outs to respect, or None.

    Raises:
        ValidationError: the copy was made during planning.
        SMSWorksError: with `restored`, the scheduled messages could not be read; nothing was
            changed.
    """
    journal, name = stored.journal, stored.campaign.id
    if restored and stored.campaign.totals is None:
        raise ValidationError(
            f"campaign {name!r} was still being planned when this copy was made, so the "
            "copy lacks recipients who may have been texted since and cannot be searched for; "
            "search for them at the provider, by the tag or the sender, before you send again",
            field="campaign",
        )
    reporter = Reporter(None, timer, f"campaign {name}")
    batches = ScheduledBatches(
        journal, stored.campaign, stored.payload, gateway, opt_outs=opt_outs, reporter=reporter
    )
    if restored:
        cancelled = await batches.read_cancelled()
        await journal.suspect(name)
        await batches.doubt_cancelled(cancelled)
    doubts = CampaignDoubts(journal, stored.campaign, stored.payload, gateway)
    reconciler = Reconciler(doubts, timer=timer, reporter=reporter)
    nothing = await reconciler.settle(settle)
    if restored:
        # The list may lag behind, as searches do.
        with suppress(SMSWorksError):
            await batches.doubt_cancelled(await batches.read_cancelled())
        # A process that used the original file may have had requests in flight.
        for entry in await reconciler.rule_out([e for e in nothing if e.reopenable], settle):
            await journal.clear_doubt(name, entry.number, entry.attempt)
    await batches.tidy()
    report = await make_report(journal, name, stored.payload)
    return attrs.evolve(report, too_late=batches.too_late)
