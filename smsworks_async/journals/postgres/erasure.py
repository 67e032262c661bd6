"""Erasure in PostgreSQL: the statements, and the sweep of the tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from smsworks_async.errors import JournalError
from smsworks_async.journals.postgres.statements import Connection, Statements


#: The tables with numbers and texts of campaigns, and the tables filled by planning.
TABLES: Final = ", ".join(
    f"smsworks.{name}" for name in ("campaign", "chunk", "recipients", "problem", "event")
)
#: The time limit of the sweep, in seconds.
_PATIENCE: Final = 3600.0


class PostgresErasure(Statements):
    """An `ErasureStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()

    async def last_events(self) -> Mapping[str, float]:
        found = await self._rows(
            "SELECT id, coalesce((SELECT max(at) FROM smsworks.event WHERE campaign = c.key), "
            "created) FROM smsworks.campaign AS c ORDER BY key"
        )
        return {name: last for name, last in found}  # noqa: C416 - they are no pairs

    async def erase_texts(self, key: int) -> None:
        self._write("UPDATE smsworks.campaign SET message = '{}' WHERE key = $1", key)
        self._write("UPDATE smsworks.recipients SET items = '' WHERE campaign = $1", key)
        self._write(
            "UPDATE smsworks.problem SET value = 'null', message = '' WHERE campaign = $1", key
        )

    async def erase_details(self, key: int, *, but_of: Collection[str]) -> None:
        self._write(
            "UPDATE smsworks.event SET detail = '' WHERE campaign = $1 AND detail != '' "
            "AND what != ALL ($2::text[])",
            *(key, list(but_of)),
        )


async def sweep(connection: Connection, name: str) -> None:
    """Remove the data erased from the tables from their files; outside a transaction.

    Raises:
        JournalError: the role is not allowed to vacuum.
    """
    is_owner = await connection.fetchval(
        "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class "
        "WHERE oid = ANY (string_to_array($1, ', ')::regclass[])",
        TABLES,
    )
    if not is_owner:
        raise JournalError(
            f"journal {name}: not erased yet: only the owner of its tables may vacuum them; call "
            "it again with that role"
        )
    await connection.execute(f"VACUUM {TABLES}", timeout=_PATIENCE)


async def analyse(connection: Connection) -> None:
    """Update the statistics; without them the server assumes empty tables, and scans them."""
    await connection.execute(f"ANALYZE {TABLES}", timeout=_PATIENCE)
