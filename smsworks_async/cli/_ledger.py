"""The record of messages that `smsworks listen` has posted, in a file for one process at a time."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from smsworks_async.cli._folders import ensure_folder, file_name, folder
from smsworks_async.errors import ConfigurationError


_TABLES: Final = """
CREATE TABLE IF NOT EXISTS seen (
    message_id TEXT PRIMARY KEY, created REAL NOT NULL, is_open INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS start (since REAL NOT NULL);
"""


class Ledger:
    """The messages that were seen, and whether anything about each is still to be posted.

    Args:
        path: the path of an SQLite file; its folder must exist.

    Raises:
        ConfigurationError: the file cannot be used, or another process uses it.
    """

    def __init__(self, path: Path) -> None:
        try:
            # Autocommit mode, so that each statement is durable when it returns.
            self._connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")
            for statement in filter(str.strip, _TABLES.split(";")):
                self._connection.execute(statement)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            in_use = getattr(error, "sqlite_errorcode", None) in {
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_LOCKED,
            }
            why = "another `smsworks listen` posts to this URL; stop it first" if in_use else error
            raise ConfigurationError(f"{path}: {why}") from None

    @classmethod
    def of(cls, base_url: str, target: str) -> Self:
        """Open the ledger for an API's address and a target URL, in the platform's state folder.

        Raises:
            ConfigurationError: the file cannot be used, or another process uses it.
        """
        name = hashlib.sha256(target.encode()).hexdigest()[:12]
        try:
            place = ensure_folder(folder("state"))
        except OSError as error:
            raise ConfigurationError(
                f"{folder('state')} cannot be created: {error.strerror}; set SMSWORKS_HOME to use "
                "another folder"
            ) from None
        return cls(place / f"listen-{file_name(base_url)}-{name}.db")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def clear(self) -> None:
        """Delete all records."""
        self._connection.execute("DELETE FROM seen")
        self._connection.execute("DELETE FROM start")

    @property
    def since(self) -> datetime | None:
        """When the first run began; None before it."""
        return self._moment("SELECT min(since) FROM start")

    def begin(self, since: datetime) -> None:
        """Record when the first run began."""
        self._connection.execute("INSERT INTO start VALUES (?)", [since.timestamp()])

    def newest(self) -> datetime | None:
        """Return when the newest recorded message was created; None if there is none."""
        return self._moment("SELECT max(created) FROM seen")

    def oldest_open(self) -> datetime | None:
        """Return when the oldest message that is still open was created; None if there is none."""
        return self._moment("SELECT min(created) FROM seen WHERE is_open")

    def is_settled(self, message_id: str) -> bool:
        """Return whether a message is recorded, with nothing more to be posted about it."""
        query = "SELECT is_open FROM seen WHERE message_id = ?"
        with closing(self._connection.execute(query, [message_id])) as found:
            row = found.fetchone()
        return row is not None and not row[0]

    def record(self, message_id: str, created: datetime, *, is_open: bool) -> None:
        """Record a message, durably.

        Args:
            message_id: the message's id.
            created: when it was created.
            is_open: whether its final status is still expected, or still to be posted.
        """
        self._connection.execute(
            "INSERT INTO seen VALUES (?, ?, ?) "
            "ON CONFLICT (message_id) DO UPDATE SET is_open = excluded.is_open",
            [message_id, created.timestamp(), is_open],
        )

    def drop(self, settled_before: datetime, open_before: datetime) -> None:
        """Delete records of messages that are too old for a search to return.

        Args:
            settled_before: delete settled messages that were created before this time.
            open_before: delete open messages that were created before this time.
        """
        self._connection.execute(
            "DELETE FROM seen WHERE created < CASE WHEN is_open THEN ? ELSE ? END",
            [open_before.timestamp(), settled_before.timestamp()],
        )

    def _moment(self, query: str) -> datetime | None:
        with closing(self._connection.execute(query)) as found:
            (value,) = found.fetchone()
        return None if value is None else datetime.fromtimestamp(value, UTC)
