"""Erasure in an SQLite file: the statements, and the sweep of the file and its log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Final

from smsworks_async.errors import JournalError
from smsworks_async.journals.sqlite.file import PATIENCE


#: Seconds to wait for other processes. Other jobs of this process have to wait meanwhile.
SWEEP_PATIENCE: Final = 5.0
_HELD: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class SQLiteErasure:
    """An `ErasureStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()
    _db: sqlite3.Connection

    async def last_events(self) -> Mapping[str, float]:
        found = self._db.execute(
            "SELECT id, coalesce(max(event.at), created) FROM campaign "
            "LEFT JOIN event ON event.campaign = campaign.key GROUP BY campaign.key"
        )
        return dict(found.fetchall())

    async def erase_texts(self, key: int) -> None:
        self._db.execute("UPDATE campaign SET message = '{}' WHERE key = ?", (key,))
        self._db.execute("UPDATE recipients SET items = '' WHERE campaign = ?", (key,))
        self._db.execute(
            "UPDATE problem SET value = 'null', message = '' WHERE campaign = ?", (key,)
        )

    async def erase_details(self, key: int, *, but_of: Collection[str]) -> None:
        self._db.execute(
            "UPDATE event SET detail = '' WHERE campaign = ? AND detail != '' "
            "AND what NOT IN (SELECT value FROM json_each(?))",
            (key, json.dumps(list(but_of))),
        )


def sweep(connection: sqlite3.Connection, name: str) -> None:
    """Remove the data erased from the tables from the file and its log; outside a transaction.

    The file is rewritten, since split pages have old copies of rows in their free space, which
    `secure_delete` does not overwrite. Then the log is copied to the file and truncated.

    Raises:
        JournalError: another process holds the file or its log.
        sqlite3.Error: it cannot be written, for example because the disk has no space for a second
            file.
    """
    connection.execute(f"PRAGMA busy_timeout = {round(SWEEP_PATIENCE * 1000)}")
    try:
        if not _rewrite(connection):
            raise _not_erased_yet(name)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(PATIENCE * 1000)}")


def _rewrite(connection: sqlite3.Connection) -> bool:
    """Rewrite the file and truncate its log; return False if another process holds it."""
    try:
        connection.execute("VACUUM")
        is_held, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _HELD:
            raise
        return False
    return not is_held


def _not_erased_yet(name: str) -> JournalError:
    return JournalError(
        f"journal {name}: not erased yet: another process holds the file or its log, which may "
        "still contain erased data; call it again when that process has finished",
        temporary=True,
    )
