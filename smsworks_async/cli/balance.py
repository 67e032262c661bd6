"""``smsworks balance``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "balance",
    examples="""
smsworks balance
smsworks balance --profile shop --json
""",
)
def command(app: App) -> None:
    """Show the account's credits."""
    from smsworks_async.cli._records import plural

    with app.client() as sms:
        credits = sms.credits.balance()
    app.out.result({"credits": credits}, plural(credits, "credit"))
