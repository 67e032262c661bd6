"""The tables of a journal in PostgreSQL: created once, checked by each connection."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals.postgres.statements import Connection


#: The version of the layout in schema.sql; newer versions are refused.
VERSION: Final = 1
#: The advisory lock under which tables are created.
_LOCK: Final = 0x736D73776F726B73

_SERVER: Final = (
    "SELECT current_setting('server_encoding'), current_setting('fsync'), "
    # Not to_regclass, which may use a snapshot from before the wait for a lock.
    "current_setting('synchronous_commit'), "
    "EXISTS (SELECT FROM pg_tables WHERE schemaname = 'smsworks' AND tablename = 'layout'), "
    "extract(epoch FROM clock_timestamp())::float8, current_setting('server_version_num')::int"
)
#: The oldest supported server version.
_OLDEST: Final = 13


@attrs.frozen
class Server:
    """The properties of a server, read on each new connection.

    Attributes:
        encoding: the database's encoding.
        fsync: the server's setting ``fsync``.
        synchronous_commit: the setting of this name.
        is_laid_out: whether the journal's tables exist.
        now: the server's time, in POSIX seconds.
        version: the server's version, such as 180001.
    """

    encoding: str
    fsync: str
    synchronous_commit: str
    is_laid_out: bool
    now: float
    version: int


async def look_at(connection: Connection) -> Server:
    """Read the properties of a connection's server."""
    row: Any = await connection.fetchrow(_SERVER)
    return Server(*row)


def check_server(server: Server, name: str) -> None:
    """Raise an error for a server that cannot store a journal safely.

    Raises:
        JournalError: it may lose commits in a crash, or cannot store every text.
    """
    if server.version // 10000 < _OLDEST:
        raise JournalError(f"journal {name}: the server is older than PostgreSQL {_OLDEST}")
    if server.encoding != "UTF8":
        raise JournalError(
            f"journal {name}: the database's encoding is {server.encoding}; create one with UTF8"
        )
    if server.fsync == "off":
        raise JournalError(
            f"journal {name}: the server runs with fsync=off, so a crash could lose the record of "
            "who was texted; switch fsync on"
        )
    if server.synchronous_commit == "off":
        raise JournalError(
            f"journal {name}: synchronous_commit is off for this role or database, so a crash "
            "could lose the record of who was texted; switch it on, for example with ALTER ROLE "
            " ... SET synchronous_commit = on"
        )


async def check_layout(connection: Connection, name: str) -> None:
    """Raise an error for tables with an unsupported layout.

    Raises:
        JournalError: a newer version of this package created them.
    """
    version = await connection.fetchval("SELECT version FROM smsworks.layout")
    if version is None:
        raise JournalError(
            f"journal {name}: the schema smsworks belongs to another program; use another database"
        )
    if version > VERSION:
        raise JournalError(
            f"journal {name}: it was written by a newer version of smsworks-async (its layout is "
            f"{version}, this version supports {VERSION}); install that version"
        )


async def create(connection: Connection) -> bool:
    """Create the tables of a journal; return False if another session has created them."""
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
    """Grant a role access to the journal, without the privilege to change its layout."""
    quoted = await connection.fetchval("SELECT quote_ident($1)", role)
    await connection.execute(_GRANTS.format(role=quoted))


def _script(name: str) -> str:
    return resources.files("smsworks_async.journals.postgres").joinpath(name).read_text("utf-8")
