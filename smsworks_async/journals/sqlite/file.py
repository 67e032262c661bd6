"""The SQLite file of a journal: opened, checked, and brought to the layout of today."""

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


#: Marks the file as a journal of ours, in SQLite's ``application_id``.
APPLICATION: Final = 0x534D5357
#: The layout in schema.sql; a newer one is refused.
VERSION: Final = 5
#: Seconds to wait for another process to finish its transaction.
PATIENCE: Final = 30.0

#: A file, whatever its name: its device and inode.
Identity = tuple[int, int]


def find(path: str) -> Identity | None:
    """Return which file a path leads to; None if there is none.

    Raises:
        JournalError: it is no regular file, or has a second name.
        OSError: that cannot be found out.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - which takes no descriptor
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"journal {Path(path).name}: it is no file; give the path of one")
    if found.st_nlink > 1:
        # SQLite names its log after the path: two names are two journals of the same recipients.
        raise JournalError(
            f"journal {Path(path).name}: the file has {found.st_nlink} names (hard links), and "
            "processes that use different ones do not see each other's claims; remove the others, "
            "or use symbolic links"
        )
    return found.st_dev, found.st_ino


def find_log(real: str) -> tuple[Identity | None, Identity | None]:
    """Return which files hold the log of a journal, and the locks on it; None if there is none.

    They belong to the journal as much as its file: claims are in the log until it is copied there.

    Args:
        real: the journal's path without symbolic links, after which SQLite names them.
    """
    return _identity_beside(f"{real}-wal"), _identity_beside(f"{real}-shm")


def _identity_beside(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - which takes no descriptor
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def make(path: str) -> Identity:
    """Make a file, unless it is there, readable by its owner alone, and return which one it is.

    Its descriptor is closed at once. That is harmless, since nobody can have opened a file that was
    not there; closing any other one would drop the locks that this process has on the file.

    Raises:
        OSError: it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = find(path)
        if found is None:  # deleted meanwhile, or a link that leads nowhere
            raise
        return found
    try:
        made = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return made.st_dev, made.st_ino


def connect(path: str) -> sqlite3.Connection:
    """Open a journal's file, and lay it out where it is new or empty.

    Nobody else in this process may have it open, since its header is read first: see `handles`.

    Raises:
        JournalError: it is another database, of a newer version, damaged, or on a disk whose locks
            do not hold.
        sqlite3.Error, OSError: it cannot be opened, read or written.
    """
    _check_whole(Path(os.path.realpath(path)))
    # Used by one thread at a time, though not always by the same one: see `worker`.
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
    """Make a journal that was there already, and its log, readable by the file's owner alone."""
    for suffix in ("", "-wal", "-shm"):
        # Only the owner may; and the log comes and goes.
        with suppress(PermissionError, FileNotFoundError):
            os.chmod(real + suffix, 0o600)  # noqa: PTH101 - a name, not a descriptor


def _check_whole(path: Path) -> None:
    """Refuse a file that has lost its end; what is in a write-ahead log may yet be added to it."""
    try:
        if path.with_name(path.name + "-wal").stat().st_size:
            return
    except FileNotFoundError:
        pass  # all of it is in the file itself
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100:
        if header:
            raise _damaged(path.name)
        return
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # 1 stands for 65536, and the count of pages holds where the counter beside it agrees.
    if header[24:28] == header[92:96] and path.stat().st_size < pages * (
        65536 if page_size == 1 else page_size
    ):
        raise _damaged(path.name)


def _damaged(name: str) -> JournalError:
    return JournalError(
        f"journal {name}: it is damaged: its end is missing; get it back from a copy, and call "
        "bulk.reconcile with restored=True for each campaign before anything is sent: a copy does "
        "not know what was sent after it was made"
    )


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    mode = _write_ahead(connection)
    if mode != "wal":
        raise JournalError(f"journal {name}: its disk does not allow a write-ahead log")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
    connection.execute("PRAGMA fullfsync = ON")  # on macOS an fsync alone does not reach the disk
    connection.execute("BEGIN IMMEDIATE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == APPLICATION and version > VERSION:
        raise JournalError(
            f"journal {name}: it was written by a newer version of smsworks-async (its layout is "
            f"{version}, this version knows {VERSION}); install that version"
        )
    if not tables and not application:
        lay_out(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    elif application != APPLICATION:
        raise JournalError(f"journal {name}: it is a database of something else; give another path")
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
    """Switch the log on, which does not wait by itself for others who do the same."""
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
    """Normalise the names that layout 1 kept as they were given."""
    for key, name in connection.execute("SELECT key, id FROM campaign").fetchall():
        now = unicodedata.normalize("NFC", name).strip()
        # Of two that are one now, both stay as they are; either could be the one that is meant.
        connection.execute("UPDATE OR IGNORE campaign SET id = ? WHERE key = ?", (now, key))


def _execute(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements within the open transaction, which `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
