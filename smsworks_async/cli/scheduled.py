"""``smsworks scheduled``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "scheduled",
    examples="""
smsworks scheduled
smsworks scheduled --all --json
""",
)
@click.option(
    "--all", "everything", is_flag=True, help="List also those that were sent or cancelled."
)
def command(app: App, *, everything: bool) -> None:
    """List the scheduled texts and batches."""
    from smsworks_async.cli._records import local, plural, scheduled_record

    with app.client() as sms:
        found = sms.messages.scheduled()
    shown = [one for one in found if everything or one.status == "SCHEDULED"]
    shown.sort(key=lambda one: (one.schedule is None, one.schedule))
    for one in shown:
        app.out.record(scheduled_record(one))
    if not shown:
        app.out.line("Nothing is scheduled.")
        return
    app.out.table(
        ["Time", "Status", "Id", "To", "Text"],
        [
            (
                local(one.schedule),
                one.status,
                one.message_id,
                one.destinations[0]
                if len(one.destinations) == 1
                else plural(len(one.destinations), "recipient"),
                one.content or "",
            )
            for one in shown
        ],
    )
