"""``smsworks optouts export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import check_new, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import force_option, list_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "export",
    examples="""
smsworks optouts export opt-outs.csv
""",
)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE")
@force_option
@list_option
def command(app: App, *, file: str, force: bool, journal: str | None) -> None:
    """Write the numbers that have opted out to a CSV file that only you can read.

    `smsworks optouts import` can read the file.
    """
    from smsworks_async.cli._records import plural

    path = app.journal(journal)
    check_new(file, path, force=force)
    count = run_coroutine(_export(path, file))
    written = f"{plural(count, 'number')} {'was' if count == 1 else 'were'} written to {file}"
    app.out.result({"file": file, "numbers": count}, written)


async def _export(journal: str, file: str) -> int:
    from smsworks_async.bulk.campaign.stored import open_journal
    from smsworks_async.optouts import OptOuts

    async with open_journal(journal, must_exist=True) as opened:
        return await OptOuts(opened).export_csv(file)
