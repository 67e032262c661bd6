"""``smsworks campaign report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import check_new, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, force_option, journal_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "report",
    examples="""
smsworks campaign report 2031-05-opening
smsworks campaign report 2031-05-opening --html opening.html
smsworks campaign report 2031-05-opening --offline --json
""",
)
@campaign_argument
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a page with charts, which opens from disk and needs no network.",
)
@click.option(
    "--numbers", is_flag=True, help="Show whole numbers instead of the last three digits."
)
@click.option("--offline", is_flag=True, help="Use only the journal, without deliveries.")
@force_option
@journal_option
def command(
    app: App,
    *,
    campaign: str,
    html: str | None,
    numbers: bool,
    offline: bool,
    force: bool,
    journal: str | None,
) -> None:
    """Show a campaign's outcomes, deliveries, failures, credits and opt-outs.

    Deliveries are read from the provider, with one request for each batch. Nothing is sent.
    """
    from smsworks_async.cli._report.command import run

    path = app.journal(journal)
    if html is not None:
        check_new(html, path, force=force)
    with add_suggestions(path, campaign):
        run_coroutine(run(app, path, campaign, html=html, numbers=numbers, offline=offline))
