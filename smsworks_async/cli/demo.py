"""``smsworks demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


SENDER: Final = "AcmeCorp"
CONTENT: Final = "Hello from smsworks-async: your order is on its way."


@_command(
    "demo",
    examples="""
smsworks demo
smsworks demo --recipients numbers.txt
""",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Use the API at this address, which costs credits; the command asks first.",
)
@click.option(
    "--recipients",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with one number on each line; by default one that comes with the package.",
)
@click.option("--sender", default=SENDER, show_default=True)
@click.option("--content", default=CONTENT, show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask before spending credits.")
def command(
    app: App, *, base_url: str | None, recipients: Path | None, sender: str, content: str, yes: bool
) -> int:
    """Send one message and a bulk to 1,200 recipients, in a sandbox.

    The command waits for delivery and prints a table. Nothing is sent to phones unless --base-url
    is given.
    """
    import asyncio

    from smsworks_async.cli._demo import run

    numbers = _read(recipients)
    if base_url is not None and not yes and not _confirm(app, len(numbers), content):
        app.out.line("Nothing was sent.")
        return Exit.NOTHING_SENT
    settings = None
    if base_url is not None:
        settings = {**app.account().settings(), "base_url": base_url}
    return asyncio.run(run(app, settings, numbers, {"sender": sender, "content": content}))


def _read(path: Path | None) -> list[str]:
    try:
        source = path or Path(__file__).with_name("recipients.txt")
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the recipients cannot be read: {error}") from None
    numbers = [line for line in lines if line.strip()]
    if not numbers:
        raise click.UsageError("the recipients file is empty")
    return numbers


def _confirm(app: App, recipients: int, content: str) -> bool:
    from smsworks_async import text

    credits = (recipients + 1) * text.measure(content).credits
    app.out.line(
        f"This sends texts through the API at --base-url to up to {recipients} recipients, for "
        f"about {credits:g} credits."
    )
    return app.out.confirm("Continue?")
