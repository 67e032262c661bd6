"""``smsworks campaign status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import awaited
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._known_names import suggesting
from smsworks_async.cli._options import campaign_argument, journal_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "status",
    examples="""
smsworks campaign status 2031-05-opening
smsworks campaign status 2031-05-opening --watch
smsworks campaign status 2031-05-opening --json
""",
)
@campaign_argument
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until it is over.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks.",
)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit as a command that sends would: 4 where some are unknown, 3 or 1 where some were "
    "not accepted.",
)
@journal_option
def command(
    app: App, *, campaign: str, watch: bool, every: float, exit_code: bool, journal: str | None
) -> int:
    """Show how far a campaign has got, from any process or machine that has its journal.

    --watch redraws it in place on a terminal. Elsewhere, and with --json, it writes it anew
    whenever it has changed.
    """
    from smsworks_async.cli._watch import show, watch_status

    if watch:
        app.out.end_when_closed()
    path = app.journal(journal)
    with suggesting(path, campaign):
        shown = watch_status if watch else show
        status = awaited(shown(app, path, campaign, every))
    if not exit_code:
        return Exit.OK
    code = exit_of_counts(status)
    left = status.in_flight + status.scheduled
    return Exit.FAILED if code == Exit.OK and left else code
