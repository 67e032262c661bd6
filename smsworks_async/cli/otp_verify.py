"""``smsworks otp verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "verify",
    examples="""
smsworks otp verify --to "07700 900123" 012345
""",
)
@click.argument("passcode")
@click.option("--to", required=True, metavar="NUMBER", help="The number that it was sent to.")
@click.option("--international", is_flag=True, help="Accept numbers outside the UK.")
def command(app: App, passcode: str, *, to: str, international: bool) -> int:
    """Verify PASSCODE. A valid passcode can be verified only once.

    The exit code is 0 if it is valid, and 1 if it is not.
    """
    from smsworks_async.errors import NotFound

    with app.client(international=international) as sms:
        try:
            record = sms.otp.verify(passcode=passcode, destination=to)
        except NotFound:
            app.out.record({"verified": False, "destination": None, "created": None})
            app.out.line(
                "Not valid: it was not sent to this number, or it has expired or been used."
            )
            return Exit.FAILED
    app.out.result(
        {"verified": True, "destination": record.destination, "created": record.created},
        f"Valid: it was sent to {record.destination}.",
    )
    return Exit.OK
