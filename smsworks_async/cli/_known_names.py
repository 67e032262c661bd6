"""Read the names of a journal's campaigns, for completion and for suggestions in errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final

import click


#: The number of campaign names that completion offers; the latest are used.
_MOST_NAMES: Final = 200
#: How long completion waits, in seconds: for a file that is being written, and for a server.
_FILE_TIMEOUT: Final = 0.3
_SERVER_TIMEOUT: Final = 2.0


def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the journal's campaigns that begin with ``incomplete``."""
    given = ctx.params.get("journal") or os.environ.get("SMSWORKS_JOURNAL")
    return [name for name in names_in(given) if name.startswith(incomplete)]


def names_in(journal: str | None) -> list[str]:
    """Return the names of campaigns, the latest first; an empty list if they cannot be read.

    It imports little, because the user of completion waits for it.

    Args:
        journal: a path or a URL; None for all journals in the data folder.
    """
    if journal is None:
        from smsworks_async.cli._folders import folder

        files = sorted(folder("data").glob("journal-*.db"))
        return [name for file in files for name in _names_in_file(str(file))]
    if "://" in journal:
        with suppress(Exception):  # completion must not fail
            return _names_on_server(journal)
        return []
    return _names_in_file(journal)


def _names_in_file(path: str) -> list[str]:
    import sqlite3

    # Escape the path as described in sqlite.org/uri.html; `Path.as_uri` would load many modules.
    for character, escape in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        path = path.replace(character, escape)
    if os.name == "nt":
        path = path.replace("\\", "/")
        path = f"/{path}" if path[1:2] == ":" else path
    statement = "SELECT id FROM campaign ORDER BY key DESC LIMIT ?"
    try:
        # Read-only and without migrations, since the file may be in use.
        address = f"file:{path}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_FILE_TIMEOUT)) as connection:
            return [name for (name,) in connection.execute(statement, (_MOST_NAMES,))]
    except (sqlite3.Error, ValueError):
        return []


def _names_on_server(url: str) -> list[str]:
    import asyncio

    from smsworks_async.bulk.campaign.stored import open_journal

    async def read() -> list[str]:
        async with open_journal(url, must_exist=True) as journal:
            return [*await journal.campaign_ids()][: -_MOST_NAMES - 1 : -1]

    return asyncio.run(asyncio.wait_for(read(), _SERVER_TIMEOUT))


@contextmanager
def add_suggestions(journal: str, campaign: str) -> Iterator[None]:
    """Add suggestions to errors about a missing campaign or journal."""
    from smsworks_async.errors import JournalError, ValidationError

    try:
        yield
    except ValidationError as error:
        if error.field == "campaign" and "has no campaign" in str(error):
            error.add_note(_suggestion(campaign, journal))
        raise
    except JournalError as error:
        if "there is no journal" in str(error):
            error.add_note("`campaign send` and `campaign plan` create campaigns")
            error.add_note("choose another journal with --journal")
        raise


def _suggestion(name: str, journal: str) -> str:
    from difflib import get_close_matches

    known = names_in(journal)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "`smsworks campaign list` lists its campaigns" if known else "it has no campaigns"
