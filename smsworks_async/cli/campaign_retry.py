"""``smsworks campaign retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import (
    campaign_argument,
    journal_option,
    pace_options,
    settle_option,
    yes_option,
)


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.cli._earlier import Earlier
    from smsworks_async.cli._options import AccountRate


@_command(
    "retry",
    sends=True,
    examples="""
smsworks campaign retry 2031-05-opening
smsworks campaign retry 2031-05-opening --attempts 2 --pause 3600
""",
)
@campaign_argument
@click.option(
    "--attempts",
    type=click.IntRange(min=2),
    default=3,
    show_default=True,
    help="The most sends to one recipient, the first one included.",
)
@click.option(
    "--pause",
    type=click.FloatRange(min=0),
    default=900.0,
    show_default=True,
    metavar="SECONDS",
    help="The least time since the last failure.",
)
@settle_option
@pace_options
@yes_option
@click.option(
    "--again", is_flag=True, help="Send also to recipients whom later campaigns have texted."
)
@journal_option
def command(
    app: App,
    *,
    campaign: str,
    attempts: int,
    pause: float,
    settle: float,
    concurrency: int,
    max_rate: float | None,
    account_rate: AccountRate | None,
    yes: bool,
    again: bool,
    journal: str | None,
) -> int:
    """Send again to recipients that were not reached for a temporary reason.

    Such reasons are no signal, roaming, do not disturb, a handset error, or an expired message.
    Recipients that were reached, whose outcome is unknown, or whose failure is permanent get
    nothing. The counts are those of this round. If no recipient is due, the exit code is 0.

    The command asks before it texts recipients whom campaigns have texted since this one was
    created, in the last 6 days; with --yes, it then sends nothing unless --again is given.
    """
    path = app.journal(journal)
    with add_suggestions(path, campaign):
        if not again and not _may_send(app, path, campaign, attempts, pause, yes=yes):
            return Exit.NOTHING_SENT
    with client(app, path, account_rate) as sms, add_suggestions(path, campaign):
        report = sms.bulk.retry_undelivered(
            campaign,
            attempts=attempts,
            pause=pause,
            settle=settle,
            concurrency=concurrency,
            max_rate=max_rate,
            journal=path,
        )
    show_report(app, campaign, report)
    return exit_of_counts(report)


def _may_send(
    app: App, journal: str, campaign: str, attempts: int, pause: float, *, yes: bool
) -> bool:
    """Return whether to send: no later campaign shares recipients, or the user has agreed."""
    from smsworks_async.cli._earlier import shared_message

    before = run_coroutine(_shared(app, journal, campaign, attempts, pause))
    if not before.count:
        return True
    words = shared_message(before)
    if yes:
        app.out.notice(f"{words}; add --again to text them again; nothing was sent")
        return False
    if not app.out.confirm(f"{words}. Text them again?"):
        app.out.line("Nothing was sent.")
        return False
    now = run_coroutine(_shared(app, journal, campaign, attempts, pause))
    if now.new_overlaps(before):
        app.out.notice(f"{shared_message(now)} after the question was asked; nothing was sent")
        return False
    return True


async def _shared(app: App, journal: str, campaign: str, attempts: int, pause: float) -> Earlier:
    """Return the later campaigns that share recipients with those to send to again.

    The batches are read only if some recipient of the campaign is in a later one.
    """
    import time

    from smsworks_async.bulk.campaign.redelivery import RedeliveryPolicy, next_destinations
    from smsworks_async.bulk.campaign.stored import open_campaign
    from smsworks_async.cli._earlier import find_later
    from smsworks_async.cli._overlaps import accepted

    async with open_campaign(journal, campaign) as stored:
        opened = stored.journal
        found = await find_later(opened, campaign, lambda: accepted(opened, campaign))
        if not found.count:
            return found
        policy = RedeliveryPolicy(attempts, pause, time.time())
        async with app.async_client() as sms:
            return await find_later(
                opened, campaign, lambda: next_destinations(stored, sms.batches.get, policy)
            )
