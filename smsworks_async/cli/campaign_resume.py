"""``smsworks campaign resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._campaigns import local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, journal_option, window_options


if TYPE_CHECKING:
    from smsworks_async import SendWindow
    from smsworks_async.cli._app import App


@_command(
    "resume",
    examples="""
smsworks campaign resume 2031-05-opening
smsworks campaign resume 2031-05-opening --window 10:00-18:00
""",
)
@campaign_argument
@window_options
@journal_option
def command(app: App, *, campaign: str, window: SendWindow | None, journal: str | None) -> None:
    """Resume a paused or halted campaign; with --window, change its sending hours.

    The command itself sends nothing: run `smsworks campaign work`, or the command that was
    interrupted.
    """
    import attrs

    path = app.journal(journal)
    with local_client() as sms, add_suggestions(path, campaign):
        if window is not None and (earlier := sms.bulk.status(campaign, journal=path).window):
            # There is no option for it, so that it stays as the campaign was planned.
            window = attrs.evolve(window, outside=earlier.outside)
        status = sms.bulk.resume(campaign, window=window, journal=path)
    left = status.not_sent + status.in_flight
    app.out.result(
        status_record(status), f"{campaign} is resumed, with {left:,} recipients not sent to"
    )
