"""``smsworks campaign reconcile``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, journal_option, settle_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "reconcile",
    examples="""
smsworks campaign reconcile 2031-05-opening
smsworks campaign reconcile 2031-05-opening --settle 0 --json
smsworks campaign reconcile 2031-05-opening --journal copy.db --restored
""",
)
@campaign_argument
@settle_option
@click.option(
    "--restored",
    is_flag=True,
    help="The journal was restored from a copy, which has no record of later sends: look for "
    "pending requests too.",
)
@journal_option
def command(app: App, *, campaign: str, settle: float, restored: bool, journal: str | None) -> int:
    """Look at the provider for requests whose outcome is unknown. No text is sent.

    Requests that are found count as accepted; the others stay unknown. Run the command from a timer
    while a campaign is being sent. The exit code is 4 while some are unknown.
    """
    path = app.journal(journal)
    with client(app, path) as sms, add_suggestions(path, campaign):
        report = sms.bulk.reconcile(campaign, settle=settle, restored=restored, journal=path)
    show_report(app, campaign, report)
    return Exit.UNKNOWN if report.unknown else Exit.OK
