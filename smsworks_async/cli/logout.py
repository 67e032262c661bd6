"""``smsworks logout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "logout",
    examples="""
smsworks logout
smsworks logout --profile shop
""",
)
def command(app: App) -> None:
    """Erase a stored profile: `default`, or the one given by --profile.

    The credentials stay valid at the provider; revoke them on your account page.
    """
    from smsworks_async.cli import _profiles

    name = app.profile or _profiles.DEFAULT
    if not _profiles.erase(name):
        known = ", ".join(_profiles.names()) or "none"
        raise click.UsageError(f"there is no profile {name!r} (stored: {known})")
    app.out.result({"profile": name, "erased": True}, f"The profile {name!r} is erased.")
