"""``smsworks campaign retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import exit_of_counts
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import (
    campaign_argument,
    journal_option,
    pace_options,
    settle_option,
)


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
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
    journal: str | None,
) -> int:
    """Send again to recipients that were not reached for a temporary reason.

    Such reasons are no signal, roaming, do not disturb, a handset error, or an expired message.
    Recipients that were reached, whose outcome is unknown, or whose failure is permanent get
    nothing. The counts are those of this round. If no recipient is due, the exit code is 0.
    """
    path = app.journal(journal)
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
