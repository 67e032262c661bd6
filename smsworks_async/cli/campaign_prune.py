"""``smsworks campaign prune``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import confirm_change, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._options import journal_option, yes_option
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "prune",
    examples="""
smsworks campaign prune --before 90d
smsworks campaign prune --before 2031-01-01 --yes
""",
)
@click.option(
    "--before",
    required=True,
    metavar="AGE_OR_DATE",
    type=Moment(ago=True),
    help="An age, such as 36h, 90d or 12w; or a date, meaning midnight in this machine's time "
    "zone.",
)
@yes_option
@journal_option
def command(app: App, *, before: datetime, yes: bool, journal: str | None) -> int:
    """Erase the numbers and texts of all campaigns that ended before a time, permanently.

    Campaigns with open chunks are left out. Idempotency keys of calls that ended before that time,
    and more than 30 days ago, are removed. The command asks for confirmation unless --yes is given.
    """
    path = app.journal(journal)
    question = (
        "Erase the numbers and texts of all campaigns that ended before "
        f"{before.astimezone():%Y-%m-%d %H:%M}?"
    )
    if not confirm_change(app, question, yes=yes):
        return Exit.FAILED
    with local_client() as sms:
        names = sms.bulk.prune(before=before, journal=path)
    app.out.record({"forgotten": names})
    for name in names:
        app.out.line(f"the numbers and texts of {name} are erased")
    if not names:
        app.out.line("no campaign ended before that time")
    return Exit.OK
