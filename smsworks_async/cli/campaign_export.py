"""``smsworks campaign export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._campaigns import check_new, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._known_names import add_suggestions
from smsworks_async.cli._options import campaign_argument, force_option, journal_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.models.report import RecipientOutcome


@_command(
    "export",
    examples="""
smsworks campaign export 2031-05-opening --to opening.csv
smsworks campaign export 2031-05-opening --json | head
""",
)
@campaign_argument
@click.option(
    "--to",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The .csv or .jsonl file to write; only you can read it.",
)
@force_option
@journal_option
def command(app: App, *, campaign: str, to: str | None, force: bool, journal: str | None) -> None:
    """Write the outcome of every recipient to a file, with whole numbers.

    The outcome is whether the API accepted the message, not whether it was delivered. Without
    --to, --json writes one line per recipient.
    """
    path = app.journal(journal)
    if to is None and not app.json:
        raise click.UsageError("choose a file with --to, or add --json")
    with local_client() as sms, add_suggestions(path, campaign):
        if to is None:
            app.out.end_when_closed()
            for outcome in sms.bulk.outcomes(campaign, journal=path):
                app.out.record(asdict(outcome))
            return
        check_new(to, path, force=force)
        count = sms.bulk.export(campaign, to=to, journal=path)
    record = {"campaign": campaign, "file": to, "recipients": count}
    app.out.result(record, f"{count:,} recipients were written to {to}")


def asdict(outcome: RecipientOutcome) -> dict[str, Any]:
    """Return an outcome as a JSON record."""
    import attrs

    return attrs.asdict(outcome)
