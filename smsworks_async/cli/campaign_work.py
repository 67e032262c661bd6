"""``smsworks campaign work``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, journal_option, pace_options


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.cli._options import AccountRate
    from smsworks_async.models.report import BulkReport, BulkStatus


@_command(
    "work",
    sends=True,
    examples="""
smsworks campaign work 2031-05-opening
smsworks campaign work 2031-05-opening --seconds 50 --max-rate 5
smsworks campaign work 2031-05 --supervised --journal postgresql://db/sms
smsworks campaign work 2031-05 --account-rate 20 --journal postgresql://db/sms
""",
)
@campaign_argument
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="CHUNKS", help="The most requests to send."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no request after this time, except a first one.",
)
@pace_options
@click.option(
    "--supervised",
    is_flag=True,
    help="Exit with 0 once nothing is left to send, whatever the outcomes: for systemd and "
    "Kubernetes, which restart a command that fails.",
)
@journal_option
def command(
    app: App,
    *,
    campaign: str,
    limit: int | None,
    seconds: float | None,
    concurrency: int,
    max_rate: float | None,
    account_rate: AccountRate | None,
    supervised: bool,
    journal: str | None,
) -> int:
    """Send the rest of a planned campaign; any number of processes can do so at the same time.

    The command ends when no chunk is left to claim. It does not wait for the sending hours or for
    other processes. After SIGTERM, or Ctrl-C once, it completes the requests in progress and begins
    no more; it exits with 130 if something is left. However it ends, run it again to continue: no
    recipient is texted twice.

    It warns of recipients whom other campaigns have texted since this one was planned, but not with
    --supervised, --seconds or --limit, as run by services and timers.
    """
    from smsworks_async.cli._worker import Worker, stopping

    path = app.journal(journal)
    if not (supervised or seconds or limit):
        with add_suggestions(path, campaign):
            run_coroutine(_warn_of_later(app, path, campaign))
    with (
        stopping(app.out.notice) as stop,
        client(app, path, account_rate) as sms,
        add_suggestions(path, campaign),
    ):
        with Worker(app, campaign) as worker:
            report = sms.bulk.work(
                campaign,
                journal=path,
                limit=limit,
                seconds=seconds,
                concurrency=concurrency,
                max_rate=max_rate,
                progress=worker.progress,
            )
        status = sms.bulk.status(campaign, journal=path)
    show_report(app, campaign, report)
    return _exit(report, status, asked=stop.is_made, supervised=supervised)


async def _warn_of_later(app: App, journal: str, campaign: str) -> None:
    """Warn of recipients whom other campaigns have texted since this one was planned."""
    from smsworks_async.bulk.campaign.stored import open_campaign
    from smsworks_async.cli._earlier import find_later, shared_message
    from smsworks_async.cli._overlaps import remaining

    async with open_campaign(journal, campaign) as stored:
        opened = stored.journal
        found = await find_later(opened, campaign, lambda: remaining(opened, campaign))
    if found.count:
        verb = "is" if found.count == 1 else "are"
        app.out.notice(
            f"{shared_message(found)} since this one was planned, and {verb} texted again"
        )


def _exit(report: BulkReport, status: BulkStatus, *, asked: bool, supervised: bool) -> int:
    is_left = status.not_sent > 0 and status.control != "cancelled"
    if asked and is_left:
        return Exit.INTERRUPTED
    if supervised and not is_left:
        return Exit.OK
    return exit_of_counts(report)
