"""``smsworks wait``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "wait",
    examples="""
smsworks wait MESSAGE_ID
smsworks wait MESSAGE_ID --timeout 600 --json
""",
)
@click.argument("message_id")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait.",
)
def command(app: App, message_id: str, *, timeout: float) -> int:
    """Wait until a message has its final status, and show it.

    The exit code is 0 if it was delivered, and 1 if it was not, or not in time.
    """
    from smsworks_async.cli._records import message_record
    from smsworks_async.cli._show import show_message

    with app.client() as sms:
        message = sms.messages.wait(message_id, timeout=timeout)
    app.out.record(message_record(message))
    show_message(app.out, message)
    return Exit.OK if message.status == "DELIVERED" else Exit.FAILED
