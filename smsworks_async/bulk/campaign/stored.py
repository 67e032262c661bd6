"""What is done with campaigns in a journal, each by its name. Imported when it is used."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from smsworks_async.bulk.campaign.journal_source import make_report
from smsworks_async.bulk.campaign.redelivery import Again, History
from smsworks_async.bulk.campaign.run import Run
from smsworks_async.bulk.campaign.waits import Timer
from smsworks_async.bulk.gateway import Provider
from smsworks_async.bulk.options import Options, check_campaign
from smsworks_async.bulk.payloads import kind_of
from smsworks_async.bulk.recipients import Kind
from smsworks_async.errors import ValidationError
from smsworks_async.journals import Journal, open_journal
from smsworks_async.journals.records import NO_LIMIT, Campaign, State, Sums
from smsworks_async.models.report import BulkReport, BulkStatus, Reason


_log = logging.getLogger("smsworks_async.bulk")

_NONE: Final = Sums(chunks=0, recipients=0, credits=0.0)


@attrs.frozen
class Kept:
    """A campaign that a journal has."""

    journal: Journal
    kind: Kind[Any]
    campaign: Campaign


@asynccontextmanager
async def opened(
    journal: Journal | str | os.PathLike[str], *, must_exist: bool = False
) -> AsyncIterator[Journal]:
    """Open a journal, and close it where it was given as a path."""
    made, ours = open_journal(journal, must_exist=must_exist)
    try:
        yield made
    finally:
        if ours:
            await made.close()


@asynccontextmanager
async def kept(journal: Journal | str | os.PathLike[str], campaign: str) -> AsyncIterator[Kept]:
    """Open a journal, and give a campaign that it has.

    Raises:
        ValidationError: it has none of this name.
    """
    name = check_campaign(campaign)
    async with opened(journal, must_exist=True) as made:
        found = (await made.summary(name)).campaign
        yield Kept(made, kind_of(found.kind, found.message, name), found)


async def send(
    kind: Kind[Any],
    values: Iterable[Any] | AsyncIterable[Any] | None,
    provider: Provider,
    options: Options,
    timer: Timer,
) -> BulkReport:
    """Begin a campaign, or go on with it."""
    if options.journal is None or options.campaign is None:  # `Options` has checked both
        raise AssertionError
    begun = Campaign(
        id=options.campaign,
        kind=kind.name,
        message=kind.shared,
        chunk_size=options.chunk_size,
        deduplicate=options.deduplicate,
    )
    async with opened(options.journal) as journal:
        run = Run(journal, begun, kind, provider, options, timer)
        nobody = await run.plan(values)
        _log_where(journal, begun.id)
        if nobody is not None:
            return nobody
        await journal.reopen(begun.id, 0)
        await run.check_cost()
        return await run.carry_out()


def _log_where(journal: Journal, campaign: str) -> None:
    """Log which file a campaign is in: one in another folder would text everybody again."""
    path = getattr(journal, "path", None)
    if path is not None:
        new = " (a new file)" if getattr(journal, "made_it", False) else ""
        _log.info("campaign %s: its journal is %s%s", campaign, path, new)


async def reconcile(
    campaign: Kept,
    provider: Provider,
    settle: float,
    timer: Timer,
    *,
    restored: bool = False,
) -> BulkReport:
    """Look for what is in doubt, and account for everybody.

    Args:
        campaign: the campaign.
        provider: whom to ask.
        settle: seconds within which it is looked for, several times.
        timer: how to wait.
        restored: whether the journal was restored from a copy, so that what it has as pending is in
            doubt, too. What nothing is found of is pending again in the end.

    Raises:
        ValidationError: the copy was made while the campaign was being planned.
    """
    options = Options(chunk_size=campaign.campaign.chunk_size)
    journal, name = campaign.journal, campaign.campaign.id
    run = Run(journal, campaign.campaign, campaign.kind, provider, options, timer)
    if restored:
        if campaign.campaign.totals is None:
            raise ValidationError(
                f"campaign {name!r} was still being planned when this copy was made, so that the "
                "copy lacks recipients who may have been texted since and cannot be searched for; "
                "look for them at the provider, by the tag or the sender, before you send it again",
                field="campaign",
            )
        await journal.suspect(name)
    reconciler = run.reconciler()
    nothing = await reconciler.settle(settle)
    if restored:
        # Whoever used the file before may have had requests on their way.
        for entry in await reconciler.rule_out([e for e in nothing if e.reopenable], settle):
            await journal.clear_doubt(name, entry.number, entry.attempt)
    return await make_report(journal, name, campaign.kind)


async def send_again(
    campaign: Kept,
    provider: Provider,
    options: Options,
    again: Again[Any],
    timer: Timer,
) -> BulkReport:
    """Send to those again whom the campaign did not reach, and who may be reached yet.

    Raises:
        ValidationError: the journal was restored from a copy.
    """
    if campaign.campaign.restored:
        raise ValidationError(
            f"the journal of campaign {campaign.campaign.id!r} was restored from a copy, which "
            "does not know of rounds that were sent after it was made; to text those again who "
            "were not reached, begin a campaign with them",
            field="campaign",
        )
    journal, name, round = campaign.journal, campaign.campaign.id, campaign.campaign.round
    await journal.expire_leases(name)
    everything = await journal.chunks(name, limit=NO_LIMIT)
    last = [entry for entry in everything if round and entry.round == round]
    if not any(entry.is_open for entry in last):
        # Otherwise that round is gone on with, and nobody else is chosen.
        sends = await History(journal, name, campaign.kind, provider.get).sends()
        due = again.due(sends)
        if due:
            round += 1
            # Two who choose at the same time choose the same: the round is there once.
            chunks = again.chunks(due, campaign.campaign.chunk_size)
            await journal.plan_round(name, round, chunks)
        elif not any(entry.state is State.UNKNOWN for entry in last):
            return BulkReport()
    run = Run(journal, campaign.campaign, campaign.kind, provider, options, timer)
    return await run.carry_out(round)


async def status(campaign: Kept) -> BulkStatus:
    """Say how far a campaign has got."""
    summary = await campaign.journal.summary(campaign.campaign.id)
    count = {state: summary.states.get(state, _NONE).recipients for state in State}
    totals = summary.campaign.totals
    set_aside = {} if totals is None else totals.set_aside
    return BulkStatus(
        campaign=campaign.campaign.id,
        planned=totals is not None,
        read=sum(count.values()) if totals is None else totals.read,
        accepted=count[State.ACCEPTED],
        rejected=count[State.REJECTED],
        unknown=count[State.UNKNOWN],
        not_sent=count[State.PENDING],
        in_flight=count[State.SENDING],
        invalid=set_aside.get(Reason.INVALID, 0),
        duplicates=set_aside.get(Reason.DUPLICATE, 0),
        credits=summary.states.get(State.ACCEPTED, _NONE).credits,
        rounds=summary.campaign.round,
        sent_again=summary.later_rounds.get(State.ACCEPTED, _NONE).recipients,
        open_again=sum(
            summary.later_rounds.get(state, _NONE).recipients
            for state in (State.PENDING, State.SENDING, State.UNKNOWN)
        ),
    )
