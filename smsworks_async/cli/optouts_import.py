"""``smsworks optouts import``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import file_options, list_option, reading
from smsworks_async.cli._optouts import source_option


if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsworks_async.cli._app import App


@_command(
    "import",
    examples="""
smsworks optouts import old-system.csv
smsworks optouts import people.xlsx --sheet Unsubscribed --column Mobile
smsworks optouts import - --source "old system" < old-system.csv
""",
)
@click.argument("file", metavar="FILE")
@file_options
@source_option("import")
@list_option
def command(
    app: App,
    *,
    file: str,
    column: str | None,
    sheet: str | None,
    encoding: str | None,
    source: str,
    journal: str | None,
) -> None:
    """Record that all numbers in a file have opted out.

    FILE is a spreadsheet (CSV, TSV, XLSX, ODS), JSON lines, a list with a number on each line, or -
    for standard input. If a cell is not a valid number, nothing is recorded. Importing a file again
    changes nothing.
    """
    from smsworks_async._opt_out_files import read
    from smsworks_async.cli._records import plural

    with reading(file):
        found = read(file, column=column, sheet=sheet, encoding=encoding)
    for words in found.notices:
        app.out.notice(words)
    if found.without:
        app.out.notice(
            f"{plural(found.without, 'row')} without a number left out; if the cell shows a "
            "number, save the file again in a spreadsheet program"
        )
    count = run_coroutine(_record(app.journal(journal), found.numbers, source))
    added = f"{plural(count, 'number')} {'was' if count == 1 else 'were'} added to the list"
    app.out.result({"file": file, "recorded": count}, added)


async def _record(journal: str, numbers: Sequence[str], source: str) -> int:
    from smsworks_async.optouts import OptOuts

    async with OptOuts(journal) as listed:
        return await listed.add_all(numbers, source=source)
