"""``smsworks optouts remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import list_option
from smsworks_async.cli._optouts import change_numbers, source_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "remove",
    examples="""
smsworks optouts remove "07700 900123"
smsworks optouts remove 07700900123 --source "web form"
""",
)
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@source_option("manual")
@list_option
def command(app: App, *, numbers: tuple[str, ...], source: str, journal: str | None) -> None:
    """Record that numbers have opted in again. Their history is kept.

    Use it only when the recipient has asked for it.
    """
    run_coroutine(change_numbers(app, app.journal(journal), numbers, "in", source))
