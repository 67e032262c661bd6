"""Another program on the same machine that opens a journal's file, reads it and closes it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def visit(path):
    """Count the events, and check the file."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        (events,) = connection.execute("SELECT count(*) FROM event").fetchone()
        (sound,) = connection.execute("PRAGMA quick_check").fetchone()
    return [events, sound]


def copy(path, to):
    """Copy a journal that may be in use."""
    Path(to).unlink(missing_ok=True)
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (to,))


def restore(path, to):
    """Replace an unused journal by a copy."""
    for name in (to, f"{to}-wal", f"{to}-shm"):
        Path(name).unlink(missing_ok=True)
    shutil.copyfile(path, f"{to}.new")
    Path(f"{to}.new").replace(to)


if __name__ == "__main__":
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        answer = {"visit": visit, "copy": copy, "restore": restore}[what](*arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
