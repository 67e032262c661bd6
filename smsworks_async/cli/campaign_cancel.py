"""``smsworks campaign cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._campaign_records import show_report
from smsworks_async.cli._campaigns import client, confirm_change, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import (
    campaign_argument,
    journal_option,
    settle_option,
    why_option,
    yes_option,
)


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "cancel",
    examples="""
smsworks campaign cancel 2031-05-opening
smsworks campaign cancel 2031-05-opening --why "next month instead" --yes
""",
)
@campaign_argument
@why_option
@settle_option
@yes_option
@journal_option
def command(
    app: App, *, campaign: str, why: str, settle: float, yes: bool, journal: str | None
) -> int:
    """Cancel a campaign permanently, in all processes that send it.

    No process begins another request of it. Requests whose outcome is unknown are looked for at
    the provider, and scheduled batches are cancelled there. A cancelled campaign cannot be resumed.
    The command asks for confirmation unless --yes is given.
    """
    path = app.journal(journal)
    with add_suggestions(path, campaign):
        with local_client() as sms:
            status = sms.bulk.status(campaign, journal=path)
        left = status.not_sent + status.in_flight + status.scheduled
        question = f"Cancel {campaign} permanently, with {left:,} recipients not sent to?"
        if not confirm_change(app, question, yes=yes):
            return Exit.FAILED
        with client(app, path) as sms:
            report = sms.bulk.cancel(campaign, why=why, settle=settle, journal=path)
    show_report(app, campaign, report)
    if report.unknown:
        return Exit.UNKNOWN
    return Exit.FAILED if report.too_late else Exit.OK
