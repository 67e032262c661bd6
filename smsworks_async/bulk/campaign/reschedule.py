"""Reconciliation, and rescheduling of batches that were cancelled because of opt-outs."""

from __future__ import annotations

from smsworks_async.bulk.campaign import reconcile as reconciling
from smsworks_async.bulk.campaign.run import CampaignRun
from smsworks_async.bulk.campaign.stored import StoredCampaign
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutList, OptOutView, another_list
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.timer import Timer
from smsworks_async.journals.records import State
from smsworks_async.models.report import BulkReport
from smsworks_async.optouts import OptOuts


async def reconcile(
    stored: StoredCampaign,
    gateway: BulkGateway,
    settle: float,
    timer: Timer,
    *,
    restored: bool,
    opt_outs: OptOutList | None,
) -> BulkReport:
    """Search for unknown chunks, respect opt-outs after scheduling, and report.

    Chunks whose batch was cancelled because of an opt-out are scheduled again, unless other chunks
    are pending: only `send` sends those.

    Raises:
        ValidationError: the copy was made during planning.
        ConfigurationError: the campaign is scheduled, and respects a different opt-out list.
    """
    view = await respected(stored, opt_outs)
    others_pending = await _has_pending(stored)
    report = await reconciling.reconcile(
        stored, gateway, settle, timer, restored=restored, opt_outs=view
    )
    if view is None or restored or others_pending or not await _has_pending(stored):
        return report
    if await stored.journal.controls(stored.campaign.id) is not None:
        return report
    options = Options(
        chunk_size=stored.campaign.chunk_size,
        journal=stored.journal,
        campaign=stored.campaign.id,
        settle=settle,
    )
    run = CampaignRun(
        stored.journal,
        stored.campaign,
        stored.payload,
        gateway,
        options,
        timer,
        opt_outs=opt_outs,
    )
    return await run.run()


async def _has_pending(stored: StoredCampaign) -> bool:
    return bool(await stored.journal.chunks(stored.campaign.id, limit=1, state=State.PENDING))


async def respected(stored: StoredCampaign, opt_outs: OptOutList | None) -> OptOutView | None:
    """Return the opt-outs if a scheduled campaign respects them; otherwise None.

    Raises:
        ConfigurationError: it respects a different list.
    """
    kept = stored.campaign.opt_outs
    if stored.campaign.at is None or not kept:
        return None
    found = opt_outs or OptOuts(stored.journal)
    if await found.identity() != kept:
        raise another_list(stored.campaign.id)
    return OptOutView(found)
