"""``smsworks campaign list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._campaigns import is_missing, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import journal_option
from smsworks_async.cli._text import one_line


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "list",
    examples="""
smsworks campaign list
smsworks campaign list --state running --json
""",
)
@click.option(
    "--state",
    type=click.Choice(["planning", "running", "paused", "halted", "cancelled", "done"]),
    help="List only the campaigns in this state.",
)
@journal_option
def command(app: App, *, state: str | None, journal: str | None) -> None:
    """List the campaigns of a journal, in the order of their creation.

    With --json, write a line for each, in the form of `smsworks campaign status --json`.
    """
    from smsworks_async.cli._records import amount

    if is_missing(app, journal):
        app.out.line("There are no campaigns yet.")
        return
    with local_client() as sms:
        found = [
            status
            for status in sms.bulk.campaigns(journal=app.journal(journal))
            if state in {None, status.state}
        ]
    for status in found:
        app.out.record(status_record(status))
    if not found:
        app.out.line("There are no campaigns." if state is None else f"No campaign is {state}.")
        return
    app.out.table(
        ["Campaign", "State", "Read", "Accepted", "Unknown", "Not sent", "Credits"],
        [
            (
                one_line(status.campaign),
                status.state if status.forgotten is None else f"{status.state}, erased",
                f"{status.read:,}",
                f"{status.accepted:,}",
                f"{status.unknown:,}",
                f"{status.not_sent + status.in_flight:,}",
                amount(status.credits),
            )
            for status in found
        ],
        right=range(2, 7),
    )
