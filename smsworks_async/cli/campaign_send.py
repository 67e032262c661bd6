"""``smsworks campaign send``: a text to the recipients in a file, shown before it is sent."""

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
    help="The campaign's name; made of the text, the sender and the recipients by default.",
)
@journal_option
@window_options
@click.option("--international", is_flag=True, help="Accept numbers outside the UK.")
@pace_options
@click.option(
    "--chunk-size", type=click.IntRange(min=1), metavar="N", help="Recipients in a request; 500."
)
@click.option(
    "--recent",
    type=Span(),
    default="6d",
    show_default=True,
    metavar="AGE",
    help="How long ago a campaign may have been begun for its recipients to be asked about.",
)
@yes_option
@click.option("--dry-run", is_flag=True, help="Show what it would do, and send nothing.")
@click.option(
    "--again",
    is_flag=True,
    help="Send to recipients of recent campaigns too, and the same campaign once more.",
)
def command(app: App, **options: object) -> int:
    """Send a text to the recipients in a file.

    FILE is a spreadsheet (CSV, TSV, XLSX, ODS), JSON lines, a number on each line, or - for
    standard input. What will happen is shown first, and asked about. Rows that cannot be texted are
    written into a copy beside the file, to be mended. Ctrl-C stops, and the same command goes on.
    """
    from smsworks_async.cli._campaign_prospect import Order
    from smsworks_async.cli._campaign_send import run

    return run(app, Order(**options))  # type: ignore[arg-type]  # click checked them
