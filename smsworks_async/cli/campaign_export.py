"""``smsworks campaign export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._campaigns import check_new, local_client
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._known_names import suggesting
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
    help="A .csv or .jsonl file, which only you may read.",
)
@force_option
@journal_option
def command(app: App, *, campaign: str, to: str | None, force: bool, journal: str | None) -> None:
    """Write what became of every recipient to a file, with whole numbers.

    It has whether each was accepted, and not whether it was delivered. Without --to, --json
    writes a line for each recipient.
    """
    path = app.journal(journal)
    if to is None and not app.json:
        raise click.UsageError("name a file with --to, or say --json")
    with local_client() as sms, suggesting(path, campaign):
        if to is None:
            app.out.end_when_closed()
            for outcome in sms.bulk.outcomes(campaign, journal=path):
                app.out.record(asdict(outcome))
            return
        check_new(to, force=force)
        count = sms.bulk.export(campaign, to=to, journal=path)
    record = {"campaign": campaign, "file": to, "recipients": count}
    app.out.result(record, f"{count:,} recipients are in {to}")


def asdict(outcome: RecipientOutcome) -> dict[str, Any]:
    """Return an outcome as a record for programs."""
    import attrs

    return attrs.asdict(outcome)
