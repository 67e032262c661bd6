"""Journals of each kind, a campaign for their tests, and the bytes of their files."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smsworks_async import Problem, Reason
from smsworks_async.journals import (
    Campaign,
    MemoryJournal,
    PlannedChunk,
    PostgresJournal,
    SQLiteJournal,
    Totals,
)


#: Parameters for fixtures that use `of_kind`.
each_kind = pytest.fixture(params=["memory", "sqlite", "postgres"])


CAMPAIGN = Campaign(
    id="x",
    kind="send",
    message={"sender": "AcmeCorp", "content": "Hello"},
    chunk_size=2,
    deduplicate=True,
)
CHUNKS = [
    PlannedChunk(number=0, items="a,b", positions="0-1", size=2, international=False, credits=2.0),
    PlannedChunk(number=1, items="c,d", positions="2,4", size=2, international=True, credits=4.0),
    PlannedChunk(number=2, items="e", positions="5", size=1, international=False, credits=1.0),
]
PROBLEMS = [
    Problem(3, {"destination": "nobody"}, Reason.INVALID, "it is no number", code=4004),
    Problem(6, "a", Reason.DUPLICATE, "it was there"),
]
TOTALS = Totals(read=7, set_aside={Reason.INVALID: 1, Reason.DUPLICATE: 1}, chunks=3)


@asynccontextmanager
async def of_kind(request, clock=None):
    """Yield a new journal of the kind in a fixture's parameter."""
    clocked = {} if clock is None else {"clock": clock}
    if request.param == "memory":
        journal = MemoryJournal(**clocked)
    elif request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path")
        journal = SQLiteJournal(folder / "journal.db", **clocked)
    else:
        databases = request.getfixturevalue("postgres_databases")
        url = await databases.create()
        journal = PostgresJournal(url, **clocked)
    yield journal
    await journal.close()
    if request.param == "postgres":
        await databases.drop(url)


_SHOW = """
import sys
from pathlib import Path
for name in sys.argv[1:]:
    sys.stdout.buffer.write(Path(name).read_bytes())
"""


def bytes_of(path: Path) -> bytes:
    """Return all bytes of a journal's file and of its -wal and -shm files.

    Another process reads them, since closing a descriptor of the file here would drop SQLite's
    locks.
    """
    files = sorted(path.parent.glob(f"{path.name}*"))
    done = subprocess.run([sys.executable, "-c", _SHOW, *files], capture_output=True, check=True)
    return done.stdout
