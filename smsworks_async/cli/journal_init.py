"""``smsworks journal init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import journal_option


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "init",
    examples="""
smsworks journal init --journal postgresql://db.example/sms --grant-to workers
smsworks journal init --journal /srv/shop/sms.db
""",
)
@journal_option
@click.option(
    "--grant-to",
    metavar="ROLE",
    help="A PostgreSQL role to grant the use of the tables, but not the right to create tables.",
)
def command(app: App, *, journal: str | None, grant_to: str | None) -> None:
    """Create a journal: the tables in PostgreSQL, or the file. An existing one is not changed.

    This is needed for workers whose database role may not create tables.
    """
    path = app.journal(journal)
    if grant_to is not None and "://" not in path:
        raise click.UsageError("--grant-to can only be used with a journal in PostgreSQL")
    run_coroutine(_create(path, grant_to))
    # A URL may hold a password.
    named = path if "://" not in path else "the database"
    app.out.result({"journal": named}, f"the journal is in {named}")


async def _create(path: str, grant_to: str | None) -> None:
    if "://" in path:
        from smsworks_async.journals.postgres import lay_out

        await lay_out(path, grant_to=grant_to)
        return
    from smsworks_async.bulk.campaign.stored import open_journal

    async with open_journal(path) as journal:
        await journal.campaign_ids()
