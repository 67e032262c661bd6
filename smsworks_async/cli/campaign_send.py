"""``smsworks campaign send``: preview and send a text to the recipients in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import (
    journal_option,
    message_options,
    pace_options,
    window_options,
    yes_option,
)
from smsworks_async.cli._times import Span


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "send",
    sends=True,
    examples="""
smsworks campaign send people.csv --sender Acme --message "Hello" --dry-run
smsworks campaign send people.xlsx --sender Acme --message "Hi {First name}!"
smsworks campaign send people.ods --sender Acme --message "Hello" --column F
cat list.txt | smsworks campaign send - --sender Acme --message "Hello" --yes
""",
)
@click.argument("file", metavar="FILE")
@message_options
@click.option(
    "--campaign",
    metavar="NAME",
    help="The campaign's name; by default derived from text, sender and recipients.",
)
@journal_option
@window_options
@click.option("--international", is_flag=True, help="Accept numbers outside the UK.")
@pace_options
@click.option(
    "--chunk-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Recipients per request; 500 by default.",
)
@click.option(
    "--recent",
    type=Span(),
    default="6d",
    show_default=True,
    metavar="AGE",
    help="How long a campaign counts as recent: the command asks before it texts recipients of "
    "recent campaigns.",
)
@yes_option
@click.option("--dry-run", is_flag=True, help="Show the preview, and send nothing.")
@click.option(
    "--again",
    is_flag=True,
    help="Send also to recipients of recent campaigns, and send the same campaign once more.",
)
def command(app: App, **options: object) -> int:
    """Send a text to the recipients in a file.

    FILE is a spreadsheet (CSV, TSV, XLSX, ODS), JSON lines, a list with a number on each line, or -
    for standard input. The command shows a preview and asks for confirmation. Rows that cannot be
    texted are written to a copy beside the file, to be corrected. Ctrl-C stops the command; run it
    again to continue. To send at a later time, use `smsworks campaign plan --at`.
    """
    from smsworks_async.cli._campaign_preview import SendOptions
    from smsworks_async.cli._campaign_send import run

    return run(app, SendOptions(**options))  # type: ignore[arg-type]  # click checked them
