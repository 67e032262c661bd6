"""``smsworks optouts import``."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._optouts import list_option, source_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "import",
    examples="""
smsworks optouts import old-system.csv
smsworks optouts import - --source "old system" < old-system.csv
""",
)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@source_option("import")
@list_option
def command(app: App, *, file: str, source: str, journal: str | None) -> None:
    """Record that all numbers in a CSV file have opted out; - reads standard input.

    The numbers are read from a column with the heading number, mobile, phone or similar, or from
    the first column. If a cell is not a valid number, nothing is recorded. Importing a file again
    changes nothing.
    """
    count = run_coroutine(_import(app.journal(journal), file, source))
    app.out.result({"file": file, "recorded": count}, f"{count:,} numbers were added to the list")


async def _import(journal: str, file: str, source: str) -> int:
    from smsworks_async.optouts import OptOuts

    async with OptOuts(journal) as listed:
        given = io.BytesIO(sys.stdin.buffer.read()) if file == "-" else file
        return await listed.import_csv(given, source=source)
