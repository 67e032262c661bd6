"""Existing campaigns of a journal: opening by name, and status."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from smsworks_async import journals
from smsworks_async.bulk.campaign.counts import StateCounts
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.options import check_campaign
from smsworks_async.bulk.payloads import stored_payload
from smsworks_async.journals import Journal
from smsworks_async.journals.checks import check_not_forgotten
from smsworks_async.journals.records import Campaign, State, Sums
from smsworks_async.journals.steering import is_past
from smsworks_async.models.report import BulkStatus, Reason


_NONE: Final = Sums(chunks=0, recipients=0, credits=0.0)


@attrs.frozen
class StoredCampaign:
    """An existing campaign of a journal."""

    journal: Journal
    campaign: Campaign

    @property
    def payload(self) -> Payload[Any]:
        """The payload of the campaign."""
        found = self.campaign
        return stored_payload(found.kind, found.message, found.id)


@asynccontextmanager
async def open_journal(
    journal: Journal | str | os.PathLike[str], *, must_exist: bool = False
) -> AsyncIterator[Journal]:
    """Open a journal, and close it afterwards if it was passed as a path."""
    opened, is_ours = journals.open_journal(journal, must_exist=must_exist)
    try:
        yield opened
    finally:
        if is_ours:
            await opened.close()


@asynccontextmanager
async def open_campaign(
    journal: Journal | str | os.PathLike[str], campaign: str, *, forgotten_too: bool = False
) -> AsyncIterator[StoredCampaign]:
    """Open a journal, and read an existing campaign.

    Args:
        journal: the journal, or its path.
        campaign: the campaign's name.
        forgotten_too: whether to allow a campaign whose recipients and texts were erased.

    Raises:
        ValidationError: the campaign does not exist, or was forgotten.
    """
    name = check_campaign(campaign)
    async with open_journal(journal, must_exist=True) as opened:
        found = (await opened.summary(name)).campaign
        if not forgotten_too:
            check_not_forgotten(found)
        yield StoredCampaign(opened, found)


async def status(stored: StoredCampaign) -> BulkStatus:
    """Return the status of a campaign."""
    return await status_of(stored.journal, stored.campaign.id)


async def status_of(journal: Journal, campaign: str) -> BulkStatus:
    """Return the status of a campaign, given its id."""
    summary = await journal.summary(campaign)
    counts = StateCounts(summary.states)
    later = StateCounts(summary.later_rounds)
    totals, at = summary.campaign.totals, summary.campaign.at
    is_due = at is None or is_past(at, await journal.now())
    outcomes = counts.outcomes()
    set_aside = {} if totals is None else totals.set_aside
    forgotten = summary.campaign.forgotten
    return BulkStatus(
        campaign=campaign,
        planned=totals is not None,
        read=counts.total if totals is None else totals.read,
        **outcomes,
        not_sent=counts.pending + counts.cancelled,
        in_flight=counts.in_flight,
        lease=summary.lease,
        invalid=set_aside.get(Reason.INVALID, 0),
        duplicates=set_aside.get(Reason.DUPLICATE, 0),
        credits=summary.states.get(State.ACCEPTED, _NONE).credits,
        rounds=summary.campaign.round,
        sent_again=later.outcomes()["accepted"],
        open_again=later.pending + later.in_flight + later.outcomes()["unknown"],
        control=summary.campaign.control.value,
        why=summary.campaign.why,
        window=summary.campaign.window,
        at=None if at is None else datetime.fromtimestamp(at, UTC),
        scheduled=0 if is_due else outcomes["accepted"],
        forgotten=datetime.fromtimestamp(forgotten, UTC) if forgotten else None,
    )
