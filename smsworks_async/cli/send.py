"""``smsworks send``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._sends import run_send, text_options


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "send",
    sends=True,
    examples="""
smsworks send --to "07700 900123" --sender AcmeCorp "Your order is ready."
echo "Backup failed" | smsworks send --to 07700900123 --sender AcmeCorp -
smsworks send --to 07700900123 --sender Acme --idempotency-key A-1 "Ready"
""",
)
@text_options
def command(app: App, text: str, **options: Any) -> int:
    """Send TEXT to one number; - reads it from standard input.

    If the same text was sent to the same number within the last hour, the command asks before it
    sends again; without a terminal it refuses, unless --again is given. If the outcome of an
    earlier send is unknown, the same command looks for that message first.
    """
    return run_send(app, "send", text, **options)
