"""``smsworks optouts list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import is_missing, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import list_option
from smsworks_async.cli._optouts import event_record


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.models.opt_outs import OptOutEvent


@_command(
    "list",
    examples="""
smsworks optouts list
smsworks optouts list "07700 900123"
smsworks optouts list --json
""",
)
@click.argument("number", required=False, metavar="[NUMBER]")
@list_option
def command(app: App, *, number: str | None, journal: str | None) -> None:
    """List the numbers that have opted out, or the history of one number."""
    if is_missing(app, journal):
        app.out.line("No number has opted out.")
        return
    events = run_coroutine(_read(app.journal(journal), number))
    for event in events:
        app.out.record(event_record(event))
    if not events:
        app.out.line(
            "No number has opted out."
            if number is None
            else f"{number} has neither opted out nor in."
        )
        return
    app.out.table(
        ["Number", "Change", "When (UTC)", "Source", "Word"],
        [
            (event.number, event.change, f"{event.at:%Y-%m-%d %H:%M}", event.source, event.word)
            for event in events
        ],
    )


async def _read(journal: str, number: str | None) -> list[OptOutEvent]:
    from smsworks_async.bulk.campaign.stored import open_journal
    from smsworks_async.optouts import OptOuts

    async with open_journal(journal, must_exist=True) as opened:
        listed = OptOuts(opened)
        if number is not None:
            return await listed.history(number)
        return [event async for event in listed.iterate()]
