"""``smsworks get``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "get",
    examples="""
smsworks get MESSAGE_ID
smsworks get MESSAGE_ID --json
""",
)
@click.argument("message_id")
def command(app: App, message_id: str) -> None:
    """Show one message: its status, text, times and cost."""
    from smsworks_async.cli._records import message_record
    from smsworks_async.cli._show import show_message

    with app.client() as sms:
        message = sms.messages.get(message_id)
    app.out.record(message_record(message))
    show_message(app.out, message)
