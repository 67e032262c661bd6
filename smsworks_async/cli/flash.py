"""``smsworks flash``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._sends import run_send, text_options


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "flash",
    sends=True,
    examples="""
smsworks flash --to "07700 900123" --sender AcmeCorp "Server room: 41 degrees"
""",
)
@text_options
def command(app: App, text: str, **options: Any) -> int:
    """Send TEXT so that it appears on the lock screen; - reads it from standard input.

    A repeated text is handled as by `smsworks send`.
    """
    return run_send(app, "flash", text, **options)
