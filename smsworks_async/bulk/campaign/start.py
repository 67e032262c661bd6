"""Start campaigns: plan one without sending, or send one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs

from smsworks_async.bulk.campaign.run import CampaignRun
from smsworks_async.bulk.campaign.stored import open_journal, status_of
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutList
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.progress import log
from smsworks_async.bulk.timer import Timer
from smsworks_async.journals import Journal
from smsworks_async.journals.records import Campaign
from smsworks_async.models.report import BulkReport, BulkStatus, Counts


async def plan(
    payload: Payload[Any],
    values: Iterable[Any] | AsyncIterable[Any] | None,
    gateway: BulkGateway,
    options: Options,
    timer: Timer,
    *,
    opt_outs: OptOutList | None = None,
) -> BulkStatus:
    """Plan a campaign without sending anything."""
    async with _open_run(payload, gateway, options, timer, opt_outs) as run:
        name = run.campaign.id
        nobody = await run.plan(values)
        if nobody is not None:
            counts = {field.name: getattr(nobody, field.name) for field in attrs.fields(Counts)}
            return BulkStatus(campaign=name, planned=False, **counts)
        await run.prepare()
        await run.journal.reopen(name, 0)
        return await status_of(run.journal, name)


async def send(
    payload: Payload[Any],
    values: Iterable[Any] | AsyncIterable[Any] | None,
    gateway: BulkGateway,
    options: Options,
    timer: Timer,
    *,
    opt_outs: OptOutList | None = None,
) -> BulkReport:
    """Start or continue a campaign."""
    async with _open_run(payload, gateway, options, timer, opt_outs) as run:
        nobody = await run.plan(values)
        _log_where(run.journal, run.campaign.id)
        return await run.run() if nobody is None else nobody


@asynccontextmanager
async def _open_run(
    payload: Payload[Any],
    gateway: BulkGateway,
    options: Options,
    timer: Timer,
    opt_outs: OptOutList | None,
) -> AsyncGenerator[CampaignRun[Any]]:
    """Open the journal of a run, which is closed at the end."""
    if options.journal is None or options.campaign is None:  # checked by `Options`
        raise AssertionError
    campaign = Campaign(
        id=options.campaign,
        kind=payload.name,
        message=payload.shared,
        chunk_size=options.chunk_size,
        deduplicate=options.deduplicate,
        window=options.window,
        at=options.due,
    )
    async with open_journal(options.journal) as journal:
        yield CampaignRun(journal, campaign, payload, gateway, options, timer, opt_outs=opt_outs)


def _log_where(journal: Journal, campaign: str) -> None:
    """Log the campaign's journal file: with a file in another folder all would be texted again."""
    path = getattr(journal, "path", None)
    if path is not None:
        new = " (a new file)" if getattr(journal, "made_it", False) else ""
        log.info("campaign %s: its journal is %s%s", campaign, path, new)
