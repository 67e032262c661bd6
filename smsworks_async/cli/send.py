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

    The same text to the same number within an hour is a repeat: it asks, or refuses where nobody
    can be asked, unless --again is given. A send whose outcome is unknown is looked for when the
    command is repeated.
    """
    return run_send(app, "send", text, **options)
