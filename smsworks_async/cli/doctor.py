"""``smsworks doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._options import warn_of_password


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


_SIGNS: Final = {"ok": "ok   ", "warning": "note ", "error": "ERROR"}


@_command(
    "doctor",
    examples="""
smsworks doctor
smsworks doctor --profile shop --json
""",
)
@click.option(
    "--journal", metavar="PATH_OR_URL", callback=warn_of_password, help="The journal to check."
)
def command(app: App, *, journal: str | None) -> int:
    """Check the installation, the settings, the connection, the account and the journal.

    Nothing is sent or changed. The exit code is 1 if a check fails.
    """
    from smsworks_async.cli._checkup import checkup

    is_healthy = True
    for finding in checkup(app, journal):
        is_healthy &= finding.state != "error"
        app.out.record({"check": finding.check, "state": finding.state, "detail": finding.detail})
        app.out.prose(f"{_SIGNS[finding.state]}  {finding.check}: {finding.detail}", hang=7)
    return Exit.OK if is_healthy else Exit.FAILED
