"""Opening, checking and migrating the SQLite file of a journal."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
import unicodedata
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Final

from smsworks_async._patching import original
from smsworks_async.errors import JournalError


#: SQLite's ``application_id`` of a journal.
APPLICATION: Final = 0x534D5357
#: The version of the layout in schema.sql; newer versions are refused.
VERSION: Final = 5
#: Seconds to wait for another process to finish its transaction.
PATIENCE: Final = 30.0

#: The identity of a file: its device and inode.
Identity = tuple[int, int]


def find(path: str) -> Identity | None:
    """Return the identity of the file at a path; None if there is none.

    Raises:
        JournalError: it is not a regular file, or has several hard links.
        OSError: the file cannot be inspected.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - which takes no descriptor
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"journal {Path(path).name}: it is not a file; use the path of a file")
    if found.st_nlink > 1:
        # SQLite names its log after the path, so two names would be two journals.
        raise JournalError(
            f"journal {Path(path).name}: the file has {found.st_nlink} names (hard links), and "
            "processes that use different ones do not see each other's claims; remove the others, "
            "or use symbolic links"
        )
    return found.st_dev, found.st_ino


def find_log(real: str) -> tuple[Identity | None, Identity | None]:
    """Return the identities of a journal's -wal and -shm files; None for a missing one.

    They are part of the journal: claims are in the log until it is copied to the file.

    Args:
        real: the journal's path without symbolic links, from which SQLite derives their names.
    """
    return _identity_beside(f"{real}-wal"), _identity_beside(f"{real}-shm")


def _identity_beside(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - which takes no descriptor
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def make(path: str) -> Identity:
    """Create a file with mode 0600 unless it exists; return its identity.

    Its descriptor is closed at once. That is harmless for a new file; closing a descriptor of an
    existing one would drop the locks that this process has on it.

    Raises:
        OSError: the file cannot be created.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = find(path)
        if found is None:  # deleted meanwhile, or a dangling link
            raise
        return found
    try:
        made = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return made.st_dev, made.st_ino


def connect(path: str) -> sqlite3.Connection:
    """Open a journal's file; create the tables if it is new or empty.

    It must not be open elsewhere in this process, since its header is read first: see `handles`.

    Raises:
        JournalError: it is a different database, has a newer layout, is damaged, or is on a disk
            that does not support locks.
        sqlite3.Error, OSError: it cannot be opened, read or written.
    """
    _check_whole(Path(os.path.realpath(path)))
    # Used by one thread at a time, but not always the same one: see `worker`.
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, Path(path).name)
        _make_private(os.path.realpath(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(real: str) -> None:
    """Set the mode of an existing journal and its log to 0600."""
    for suffix in ("", "-wal", "-shm"):
        # Only the owner can change it, and the log may not exist.
        with suppress(PermissionError, FileNotFoundError):
            os.chmod(real + suffix, 0o600)  # noqa: PTH101 - a name, not a descriptor


def _check_whole(path: Path) -> None:
    """Raise an error for a truncated file, unless a write-ahead log may complete it."""
    try:
        if path.with_name(path.name + "-wal").stat().st_size:
            return
    except FileNotFoundError:
        pass  # there is no log, so the file must be complete
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100:
        if header:
            raise _damaged(path.name)
        return
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # 1 means 65536. The page count is valid only if the two change counters agree.
    if header[24:28] == header[92:96] and path.stat().st_size < pages * (
        65536 if page_size == 1 else page_size
    ):
        raise _damaged(path.name)


def _damaged(name: str) -> JournalError:
    return JournalError(
        f"journal {name}: it is damaged: its end is missing; restore it from a copy, and call "
        "bulk.reconcile with restored=True for each campaign before anything is sent: a copy does "
        "not contain what was sent after it was made"
    )


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    mode = _write_ahead(connection)
    if mode != "wal":
        raise JournalError(f"journal {name}: its disk does not allow a write-ahead log")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # overwrite deleted data
    connection.execute("PRAGMA fullfsync = ON")  # on macOS fsync does not reach the disk
    connection.execute("BEGIN IMMEDIATE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == APPLICATION and version > VERSION:
        raise JournalError(
            f"journal {name}: it was written by a newer version of smsworks-async (its layout is "
            f"{version}, this version supports {VERSION}); install that version"
        )
    if not tables and not application:
        lay_out(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    elif application != APPLICATION:
        raise JournalError(f"journal {name}: it is a database of another program; use another path")
    else:
        for before in range(version, VERSION):
            _execute(connection, _script(f"layout_{before + 1}.sql"))
        if version < 2:
            _rename_campaigns(connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def lay_out(connection: sqlite3.Connection) -> None:
    """Create the tables of a new journal."""
    _execute(connection, _script("schema.sql"))


def _script(name: str) -> str:
    return resources.files("smsworks_async.journals.sqlite").joinpath(name).read_text("utf-8")


def _write_ahead(connection: sqlite3.Connection) -> str:
    """Enable the write-ahead log; retry, since SQLite does not wait for others that do the same."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= until:
                raise
            original("time", "sleep")(0.01)
        else:
            return str(mode)


def _rename_campaigns(connection: sqlite3.Connection) -> None:
    """Normalise campaign names, which layout 1 stored without normalisation."""
    for key, name in connection.execute("SELECT key, id FROM campaign").fetchall():
        now = unicodedata.normalize("NFC", name).strip()
        # If two names become the same, both are kept, since either could be the intended one.
        connection.execute("UPDATE OR IGNORE campaign SET id = ? WHERE key = ?", (now, key))


def _execute(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements within the open transaction, which `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
