"""``smsworks campaign status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._known_names import add_suggestions
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
@click.option("--watch", is_flag=True, help="Show the status whenever it changes, until the end.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two reads of --watch.",
)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit like a command that sends: with 4 if some are unknown, with 3 or 1 if some were "
    "not accepted.",
)
@journal_option
def command(
    app: App, *, campaign: str, watch: bool, every: float, exit_code: bool, journal: str | None
) -> int:
    """Show a campaign's progress, from any process or machine that can open its journal.

    With --watch, the status is redrawn in place on a terminal; elsewhere, and with --json, it is
    written again whenever it has changed.
    """
    from smsworks_async.cli._watch import show, watch_status

    if watch:
        app.out.end_when_closed()
    path = app.journal(journal)
    with add_suggestions(path, campaign):
        shown = watch_status if watch else show
        status = run_coroutine(shown(app, path, campaign, every))
    if not exit_code:
        return Exit.OK
    code = exit_of_counts(status)
    left = status.in_flight + status.scheduled
    return Exit.FAILED if code == Exit.OK and left else code
