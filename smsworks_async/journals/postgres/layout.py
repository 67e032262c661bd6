"""The tables of a journal in PostgreSQL: created once, checked by each connection."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals.postgres.statements import Connection


#: The layout in schema.sql; a newer one is refused.
VERSION: Final = 1
#: The advisory lock under which tables are created.
_LOCK: Final = 0x736D73776F726B73

_SERVER: Final = (
    "SELECT current_setting('server_encoding'), current_setting('fsync'), "
    # Not by to_regclass, which may go by what was there before a lock was waited for.
    "current_setting('synchronous_commit'), "
    "EXISTS (SELECT FROM pg_tables WHERE schemaname = 'smsworks' AND tablename = 'layout'), "
    "extract(epoch FROM clock_timestamp())::float8, current_setting('server_version_num')::int"
)
#: The oldest server whose features are used.
_OLDEST: Final = 13


@attrs.frozen
class Server:
    """What a server says of itself when a connection is made.

    Attributes:
        encoding: of the database.
        fsync: whether the server waits for its disk at all.
        synchronous_commit: what a commit waits for.
        is_laid_out: whether there is a journal.
        now: its time, in POSIX seconds.
        version: such as 180001.
    """

    encoding: str
    fsync: str
    synchronous_commit: str
    is_laid_out: bool
    now: float
    version: int


async def look_at(connection: Connection) -> Server:
    """Return what the server of a connection says of itself."""
    row: Any = await connection.fetchrow(_SERVER)
    return Server(*row)


def check_server(server: Server, name: str) -> None:
    """Refuse a server that cannot keep what a journal promises.

    Raises:
        JournalError: it forgets commits in a crash, or cannot hold every text.
    """
    if server.version // 10000 < _OLDEST:
        raise JournalError(f"journal {name}: the server is older than PostgreSQL {_OLDEST}")
    if server.encoding != "UTF8":
        raise JournalError(
            f"journal {name}: the database's encoding is {server.encoding}; create one with UTF8"
        )
    if server.fsync == "off":
        raise JournalError(
            f"journal {name}: the server runs with fsync=off, and a crash would make it forget who "
            "was texted; switch fsync on"
        )
    if server.synchronous_commit == "off":
        raise JournalError(
            f"journal {name}: synchronous_commit is off for this role or database, and a crash "
            "would make the server forget who was texted; switch it on, for instance with ALTER "
            "ROLE ... SET synchronous_commit = on"
        )


async def check_layout(connection: Connection, name: str) -> None:
    """Refuse tables of another layout.

    Raises:
        JournalError: a newer version of this package has made them.
    """
    version = await connection.fetchval("SELECT version FROM smsworks.layout")
    if version is None:
        raise JournalError(
            f"journal {name}: the schema smsworks is that of something else; use another database"
        )
    if version > VERSION:
        raise JournalError(
            f"journal {name}: it was written by a newer version of smsworks-async (its layout is "
            f"{version}, this version knows {VERSION}); install that version"
        )


async def create(connection: Connection) -> bool:
    """Create the tables of a journal; return False where somebody else has meanwhile."""
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        if (await look_at(connection)).is_laid_out:
            return False
        if not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = 'smsworks'"):
            await connection.execute("CREATE SCHEMA smsworks")
        await connection.execute(_script("schema.sql"))
        await connection.execute("INSERT INTO smsworks.layout VALUES ($1)", VERSION)
    return True


_GRANTS: Final = (
    "GRANT USAGE ON SCHEMA smsworks TO {role};"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA smsworks TO {role};"
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA smsworks TO {role};"
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA smsworks TO {role}"
)


async def grant(connection: Connection, role: str) -> None:
    """Grant a role the use of the journal, without a right to change its layout."""
    quoted = await connection.fetchval("SELECT quote_ident($1)", role)
    await connection.execute(_GRANTS.format(role=quoted))


def _script(name: str) -> str:
    return resources.files("smsworks_async.journals.postgres").joinpath(name).read_text("utf-8")
