"""What `smsworks listen` has posted, kept in a file that one process may use at a time."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from smsworks_async.cli._folders import file_name, folder, made
from smsworks_async.errors import ConfigurationError


_TABLES: Final = """
CREATE TABLE IF NOT EXISTS seen (
    message_id TEXT PRIMARY KEY, created REAL NOT NULL, is_open INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS start (since REAL NOT NULL);
"""


class Ledger:
    """The messages that were seen, and of which of them nothing more is to be posted.

    Args:
        path: the file; its folder must exist.

    Raises:
        ConfigurationError: it cannot be used, or another process uses it.
    """

    def __init__(self, path: Path) -> None:
        try:
            # In autocommit mode: each statement is durable when it returns.
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
            why = "another `smsworks listen` posts to this URL; end it first" if in_use else error
            raise ConfigurationError(f"{path}: {why}") from None

    @classmethod
    def of(cls, base_url: str, target: str) -> Self:
        """Open the ledger for an account's API and a URL, in the platform's state folder.

        Raises:
            ConfigurationError: it cannot be used, or another process uses it.
        """
        name = hashlib.sha256(target.encode()).hexdigest()[:12]
        try:
            place = made(folder("state"))
        except OSError as error:
            raise ConfigurationError(
                f"{folder('state')} cannot be made: {error.strerror}; SMSWORKS_HOME names another"
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
        """Forget everything."""
        self._connection.execute("DELETE FROM seen")
        self._connection.execute("DELETE FROM start")

    @property
    def since(self) -> datetime | None:
        """When the first run began; None where there was none."""
        return self._moment("SELECT min(since) FROM start")

    def begin(self, since: datetime) -> None:
        """Record when the first run began."""
        self._connection.execute("INSERT INTO start VALUES (?)", [since.timestamp()])

    def newest(self) -> datetime | None:
        """Return when the newest message that was seen was created; None where there is none."""
        return self._moment("SELECT max(created) FROM seen")

    def oldest_open(self) -> datetime | None:
        """Return when the oldest message without a final status was created, or None."""
        return self._moment("SELECT min(created) FROM seen WHERE is_open")

    def is_settled(self, message_id: str) -> bool:
        """Return whether nothing more is to be posted about a message."""
        query = "SELECT is_open FROM seen WHERE message_id = ?"
        with closing(self._connection.execute(query, [message_id])) as found:
            row = found.fetchone()
        return row is not None and not row[0]

    def record(self, message_id: str, created: datetime, *, is_open: bool) -> None:
        """Record a message, durably.

        Args:
            message_id: the message's id.
            created: when it was created.
            is_open: whether its final status is still to come, or to be posted.
        """
        self._connection.execute(
            "INSERT INTO seen VALUES (?, ?, ?) "
            "ON CONFLICT (message_id) DO UPDATE SET is_open = excluded.is_open",
            [message_id, created.timestamp(), is_open],
        )

    def drop(self, settled_before: datetime, open_before: datetime) -> None:
        """Forget messages that no search finds any more.

        Args:
            settled_before: those of which nothing more is to be posted are forgotten if they were
                created before this moment.
            open_before: the others likewise.
        """
        self._connection.execute(
            "DELETE FROM seen WHERE created < CASE WHEN is_open THEN ? ELSE ? END",
            [open_before.timestamp(), settled_before.timestamp()],
        )

    def _moment(self, query: str) -> datetime | None:
        with closing(self._connection.execute(query)) as found:
            (value,) = found.fetchone()
        return None if value is None else datetime.fromtimestamp(value, UTC)
