"""``smsworks campaign work``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._known_names import suggesting
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
    "--limit", type=click.IntRange(min=1), metavar="CHUNKS", help="Requests to send at most."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no request after this time, but for a first one.",
)
@pace_options
@click.option(
    "--supervised",
    is_flag=True,
    help="Exit with 0 once nothing is left to send, whatever became of it: for systemd and "
    "Kubernetes, which start again what fails.",
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
    """Send what is left of a planned campaign, beside any number of other processes.

    It ends when nothing is left to claim, and waits neither for the sending hours nor for others.
    SIGTERM, or Ctrl-C once, lets the requests on their way end, begins no more, and exits with
    130 if something is left. Whatever ends it, running it again goes on, and nobody is texted
    twice.
    """
    from smsworks_async.cli._worker import Worker, stopping

    path = app.journal(journal)
    with (
        stopping(app.out.notice) as stop,
        client(app, path, account_rate) as sms,
        suggesting(path, campaign),
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


def _exit(report: BulkReport, status: BulkStatus, *, asked: bool, supervised: bool) -> int:
    is_left = status.not_sent > 0 and status.control != "cancelled"
    if asked and is_left:
        return Exit.INTERRUPTED
    if supervised and not is_left:
        return Exit.OK
    return exit_of_counts(report)
