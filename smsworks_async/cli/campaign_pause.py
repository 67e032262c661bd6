"""``smsworks campaign pause``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._campaigns import local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, journal_option, why_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "pause",
    examples="""
smsworks campaign pause 2031-05-opening
smsworks campaign pause 2031-05-opening --why "the price is wrong"
""",
)
@campaign_argument
@why_option
@journal_option
def command(app: App, *, campaign: str, why: str, journal: str | None) -> None:
    """Pause a campaign, in all processes that send it.

    No process begins another request of it; requests in progress are completed. Only `smsworks
    campaign resume` ends the pause. Batches that are scheduled already are sent at their time;
    `smsworks campaign cancel` cancels them.
    """
    path = app.journal(journal)
    with local_client() as sms, add_suggestions(path, campaign):
        status = sms.bulk.pause(campaign, why=why, journal=path)
    left = status.not_sent + status.in_flight
    app.out.result(
        status_record(status),
        f"{campaign} is paused, with {left:,} recipients not sent to",
    )
