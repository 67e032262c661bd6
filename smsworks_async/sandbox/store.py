"""The storage of an account in an SQLite file.

The changes of a request are written in one transaction before its response is sent. Requests,
faults and pending retries of posts are not stored. The file contains the token and the texts, so
its mode is 0600; only one sandbox can use it at a time.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import attrs

from .records import Job, Message, Passcode


if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from .dropped import DroppedMessages
    from .state import State


VERSION = 1
_KINDS: dict[str, type[Any]] = {"message": Message, "job": Job, "passcode": Passcode}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FIELDS = {kind: [field.name for field in attrs.fields(kind)] for kind in _NAMES}
_SCHEMA = """
CREATE TABLE record (
    kind TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE account (one INTEGER PRIMARY KEY CHECK (one = 1), data TEXT NOT NULL);
"""


class Store:
    """The database file of a sandbox, open while the sandbox runs.

    Raises:
        ValueError: the file was written by another version, or is not a sandbox's database.
        OSError: another sandbox uses it, or it cannot be accessed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        real = os.path.realpath(path)
        self._lock = _lock(real)
        try:
            _create_private(real)
            self._connection = sqlite3.connect(real)
        except BaseException:
            self._lock.close()
            raise
        self._dirty: dict[tuple[str, str], Message | Job | Passcode] = {}
        self._dropped: dict[tuple[str, str], Message | Job | Passcode] = {}
        self._written = ""
        try:
            self._prepare()
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.chmod(real + suffix, 0o600)  # noqa: PTH101 - a name, not a descriptor
        except (sqlite3.DatabaseError, ValueError) as error:
            self._close()
            raise ValueError(f"{path} is not a sandbox's database: {error}") from error
        except BaseException:
            self._close()
            raise

    def _prepare(self) -> None:
        connection = self._connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"{_SCHEMA}PRAGMA user_version = {VERSION};")
        elif version != VERSION:
            raise ValueError(f"its version is {version}, but this sandbox needs {VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    def restore(self, state: State, now: float) -> None:
        """Restore an empty state from the file, and record its later changes."""
        row = self._connection.execute("SELECT data FROM account").fetchone()
        if row is not None:
            saved = json.loads(row[0])
            state.account.credits = saved["credits"]
            state.account.batches = saved["batches"]
            state.credentials.generation = saved["generation"]
            state.credentials.token = saved["token"]
        for passcode in self._read(Passcode):
            state.passcodes.add(passcode)
        self._restore_counts(state.account.archive.dropped)
        state.account.restore(self._read(Message), self._read(Job), now)
        self.watch(state)
        state.account.prune()

    def watch(self, state: State) -> None:
        """Record later changes of a state, for the next `flush`."""
        state.account.watchers.append(self)
        state.passcodes.changed = self.changed
        state.passcodes.dropped = self.dropped

    def flush(self, state: State) -> None:
        """Write the changes since the last call."""
        account, credentials = state.account, state.credentials
        data = json.dumps(
            {
                "credits": account.credits,
                "batches": account.batches,
                "generation": credentials.generation,
                "token": credentials.token,
            }
        )
        if not self._dirty and not self._dropped and data == self._written:
            return
        rows = [
            (kind, id, getattr(record, "number", 0), _dump(record))
            for (kind, id), record in self._dirty.items()
        ]
        if self._dropped:
            rows += self._count_rows(account.archive.dropped)
        with self._connection as transaction:
            transaction.execute("INSERT OR REPLACE INTO account VALUES (1, ?)", (data,))
            transaction.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", rows)
            transaction.executemany(
                "DELETE FROM record WHERE kind = ? AND id = ?", list(self._dropped)
            )
        self._dirty.clear()
        self._dropped.clear()
        self._written = data

    def clear(self) -> None:
        """Empty the file."""
        self._dirty.clear()
        self._dropped.clear()
        with self._connection as transaction:
            transaction.execute("DELETE FROM record")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._connection.close()
        self._lock.close()

    def changed(self, record: Message | Job | Passcode) -> None:
        """Record a new or changed record for the next `flush`."""
        self._dirty[_key(record)] = record

    def dropped(self, records: Sequence[Message | Job | Passcode]) -> None:
        """Record dropped records for the next `flush`."""
        for record in records:
            self._dirty.pop(_key(record), None)
            self._dropped[_key(record)] = record

    def _count_rows(self, counts: DroppedMessages) -> list[tuple[str, str, int, str]]:
        """Return the rows of counts that have changed because of dropped records."""
        destinations = {
            record.destination for record in self._dropped.values() if isinstance(record, Message)
        }
        by_destination = {name: counts.by_destination[name] for name in destinations}
        return [
            (kind, str(name), 0, str(count))
            for kind, among in (
                ("destination", by_destination),
                ("status", counts.by_status),
                ("day", counts.by_day),
            )
            for name, count in among.items()
        ]

    def _restore_counts(self, counts: DroppedMessages) -> None:
        rows = self._connection.execute(
            "SELECT kind, id, data FROM record WHERE kind IN ('destination', 'status', 'day')"
        )
        for kind, name, data in rows:
            if kind == "day":
                counts.by_day[int(name)] = int(data)
            elif kind == "status":
                counts.by_status[name] = int(data)
            else:
                counts.by_destination[name] = int(data)

    def _read(self, kind: type[Any]) -> list[Any]:
        rows = self._connection.execute(
            "SELECT data FROM record WHERE kind = ? ORDER BY place, id", (_NAMES[kind],)
        )
        return [kind(**json.loads(data)) for (data,) in rows]


def _key(record: Message | Job | Passcode) -> tuple[str, str]:
    return _NAMES[type(record)], record.id if isinstance(record, Job) else record.message_id


def _create_private(path: str) -> None:
    """Create a file with mode 0600, unless it exists.

    A descriptor is opened only if the file did not exist, because closing one would release the
    locks that SQLite may hold on the same file in this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _lock(path: str) -> sqlite3.Connection:
    """Return a connection to a lock file beside the database, which is locked while it is open.

    SQLite's locks are released when the process ends, on every system. A separate file is locked,
    so that other programs can still read the database.

    Raises:
        OSError: another sandbox has the lock, or the file cannot be created.
    """
    name = f"{path}-lock"
    _create_private(name)
    lock = sqlite3.connect(name, timeout=0, isolation_level=None)
    try:
        lock.execute("PRAGMA journal_mode = MEMORY")  # without a journal file
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        raise OSError(f"{path} is in use by another sandbox, or cannot be used") from error
    return lock


def _dump(record: Message | Job | Passcode) -> str:
    return json.dumps({name: getattr(record, name) for name in _FIELDS[type(record)]})
