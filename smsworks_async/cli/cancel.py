"""``smsworks cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "cancel",
    examples="""
smsworks cancel MESSAGE_ID
smsworks cancel --batch BATCH_ID
""",
)
@click.argument("message_id")
@click.option("--batch", is_flag=True, help="The id is that of a batch.")
def command(app: App, message_id: str, *, batch: bool) -> None:
    """Cancel a scheduled text or batch.

    `smsworks scheduled` shows its id.
    """
    with app.client() as sms:
        status = (
            sms.batches.cancel(message_id).status
            if batch
            else sms.messages.cancel(message_id).status
        )
    record = {"message_id": message_id, "status": status, "batch": batch}
    app.out.result(record, f"{message_id} is cancelled.")
