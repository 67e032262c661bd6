"""``smsworks campaign forget``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._campaigns import confirm_change, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, journal_option, yes_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "forget",
    examples="""
smsworks campaign forget 2030-12-thanks
smsworks campaign forget 2030-12-thanks --yes
""",
)
@campaign_argument
@yes_option
@journal_option
def command(app: App, *, campaign: str, yes: bool, journal: str | None) -> int:
    """Erase the numbers and texts of a campaign from its journal, permanently.

    Counts, states, times and batch ids stay, and so does the opt-out list. A campaign with open
    chunks is refused: finish it or cancel it first. Copies and backups of the journal are not
    changed. The command asks for confirmation unless --yes is given.
    """
    path = app.journal(journal)
    with local_client() as sms, add_suggestions(path, campaign):
        status = sms.bulk.status(campaign, journal=path)
        question = f"Erase the numbers and texts of {campaign} ({status.read:,} recipients)?"
        if not confirm_change(app, question, yes=yes):
            return Exit.FAILED
        sms.bulk.forget(campaign, journal=path)
    app.out.result({"forgotten": [campaign]}, f"the numbers and texts of {campaign} are erased")
    return Exit.OK
