"""``smsworks schedule``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._sends import run_send, text_options
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "schedule",
    sends=True,
    examples="""
smsworks schedule --at 2031-04-01T09:00 --to 07700900123 --sender Acme "Now"
smsworks scheduled
smsworks cancel MESSAGE_ID
""",
)
@click.option(
    "--at",
    type=Moment(),
    required=True,
    metavar="TIME",
    help="An ISO 8601 time; in this machine's time zone unless it has an offset.",
)
@text_options
def command(app: App, text: str, **options: Any) -> int:
    """Schedule TEXT to one number; - reads it from standard input.

    A repeated text is handled as by `smsworks send`.
    """
    return run_send(app, "schedule", text, **options)
