"""A journal's file under truncation, replacement, permissions and similar problems."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from smsworks_async import (
    ConfigurationError,
    JournalError,
    Problem,
    Reason,
)
from smsworks_async.journals import (
    MemoryJournal,
    SQLiteJournal,
    open_journal,
)
from support.internals import on_connect
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS


async def opened(path):
    """Open a journal; return its error, if any."""
    journal = SQLiteJournal(path)
    try:
        await journal.begin(CAMPAIGN)
    finally:
        await journal.close()


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("begun", [False, True])
async def test_a_file_that_others_may_read_is_its_owners_alone_once_it_is_a_journal(
    tmp_path, begun
):
    path = tmp_path / "journal.db"
    path.touch()
    if begun:
        await opened(path)
    path.chmod(0o644)
    journal = SQLiteJournal(path)
    await journal.begin(CAMPAIGN)
    files = ("journal.db", "journal.db-shm", "journal.db-wal")
    assert modes(tmp_path) == dict.fromkeys(files, 0o600)
    await journal.close()


async def test_the_log_of_a_killed_process_is_its_owners_alone_too(tmp_path):
    path = tmp_path / "journal.db"
    code = (
        "import asyncio, os, sys; from smsworks_async.journals import SQLiteJournal\n"
        "async def main():\n"
        "    journal = SQLiteJournal(sys.argv[1])\n"
        "    await journal.claim_seen('1', 'DELIVERED', 'me', 60)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    assert "journal.db-wal" in modes(tmp_path)
    journal = SQLiteJournal(path)
    await journal.begin(CAMPAIGN)
    assert set(modes(tmp_path).values()) == {0o600}
    await journal.close()


async def test_another_programs_database_keeps_its_mode(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    path.chmod(0o644)
    await refused(path)
    assert modes(tmp_path) == {"other.db": 0o644}


async def refused(path):
    with pytest.raises(JournalError) as caught:
        await opened(path)
    assert Path(path).name in str(caught.value)
    assert caught.value.safe_to_repeat
    return str(caught.value)


async def test_a_file_keeps_it_all_for_the_next_process_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "journal.db"
    journal = SQLiteJournal(path)
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.close()
    await journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code = (
        "import asyncio, sys; from smsworks_async.journals import SQLiteJournal\n"
        "async def main():\n"
        "    journal = SQLiteJournal(sys.argv[1])\n"
        "    print(len(await journal.chunks('x')), len(await journal.problems('x')))\n"
        "    await journal.close()\n"
        "asyncio.run(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "2"]
    with pytest.raises(JournalError, match="closed"):
        await journal.summary("x")


async def test_events_cannot_be_changed(tmp_path):
    await opened(tmp_path / "journal.db")
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.plan("x", CHUNKS, [])
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        for statement in ("UPDATE event SET what = ''", "DELETE FROM event"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(statement)


async def test_what_no_database_can_hold_is_kept_readable(tmp_path):
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.begin(CAMPAIGN)
    loop = []
    loop.append(loop)
    odd = [
        Problem(0, "half \ud800", Reason.INVALID, "'\ud800' does not belong in it"),
        Problem(1, loop, Reason.INVALID, "no"),
        Problem(2, object(), Reason.INVALID, "no"),
    ]
    await journal.plan("x", [], odd)
    kept = await journal.problems("x")
    await journal.close()
    assert [problem.position for problem in kept] == [0, 1, 2]
    assert kept[0].value == "half \ud800"
    assert kept[1].value == "<list>"


async def test_a_newer_layout_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    await opened(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer version" in await refused(path)


async def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "another program" in await refused(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    path.write_text("a shopping list, and rather a long one at that\n" * 10)
    assert "not a journal" in await refused(path)


@pytest.mark.parametrize("left", [50, 100, 4096, 9000, -1])
async def test_a_truncated_file_is_refused(tmp_path, left):
    path = tmp_path / "journal.db"
    await opened(path)
    size = path.stat().st_size
    os.truncate(path, left if left > 0 else size - 1)
    assert "damaged" in await refused(path)


async def test_a_folder_that_is_not_there_is_refused(tmp_path):
    said = await refused(tmp_path / "nowhere" / "journal.db")
    assert f"there is no folder {tmp_path / 'nowhere'}" in said
    (tmp_path / "folder.db").mkdir()
    assert "it is not a file" in await refused(tmp_path / "folder.db")


async def test_a_journal_that_another_process_holds_locked_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "journal.db"
    await opened(path)
    monkeypatch.setattr("smsworks_async.journals.sqlite.file.PATIENCE", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "locked" in await refused(path)


def in_a_child(code, path, *, before):
    """Run code in a child, whose `path` is the journal's, after something that only a child can."""
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        preexec_fn=before,  # a single-threaded child
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PLAN_A_LOT = """
import asyncio, sys
from smsworks_async import JournalError
from smsworks_async.journals import Campaign, PlannedChunk, SQLiteJournal
async def main():
    journal = SQLiteJournal(sys.argv[1])
    campaign = Campaign(id="y", kind="send", message={}, chunk_size=9, deduplicate=True)
    try:
        await journal.begin(campaign)
        for number in range(500):
            chunk = PlannedChunk(
                number=number, items="4" * 9999, positions="0", size=1, credits=1.0,
                international=False,
            )
            await journal.plan("y", [chunk], [])
        print("all of it was written")
    except JournalError as error:
        print(type(error.__cause__).__name__, error)
    await journal.close()
asyncio.run(main())
"""


async def test_a_file_that_may_not_grow_is_an_error_and_keeps_what_it_had(tmp_path):
    path = tmp_path / "journal.db"
    await opened(path)

    def no_more_than_a_megabyte():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    said = await asyncio.to_thread(in_a_child, PLAN_A_LOT, path, before=no_more_than_a_megabyte)
    assert said.startswith("OperationalError journal journal.db:"), said
    journal = SQLiteJournal(path)
    kept = await journal.chunks("y")
    assert 0 < len(kept) < 500
    assert [entry.number for entry in kept] == list(range(len(kept)))
    await journal.close()


async def test_a_full_disk_is_told_from_other_trouble(tmp_path):

    journal = SQLiteJournal(tmp_path / "journal.db")
    on_connect(journal, lambda connection: connection.execute("PRAGMA max_page_count = 40"))
    await journal.begin(CAMPAIGN)
    big = attrs.evolve(CHUNKS[0], items="4" * 500_000)
    with pytest.raises(JournalError, match="the disk is full"):
        await journal.plan("x", [big], [])
    assert await journal.chunks("x") == []
    await journal.plan("x", CHUNKS, [])
    assert len(await journal.chunks("x")) == 3
    await journal.close()


async def test_a_read_only_file_is_refused():
    # Root can write anywhere, so the child switches to the user nobody.
    code = PLAN_A_LOT.replace(
        "asyncio.run(main())",
        "import os; os.getuid() == 0 and os.setuid(65534); asyncio.run(main())",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        await opened(path)
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        said = await asyncio.to_thread(in_a_child, code, path, before=None)
        Path(folder).chmod(0o755)
    assert said.startswith("OperationalError journal journal.db: it is not writable"), said


def test_a_journal_is_a_path_or_a_journal(tmp_path):
    journal = MemoryJournal()
    assert open_journal(journal) == (journal, False)
    made, ours = open_journal(tmp_path / "journal.db")
    assert isinstance(made, SQLiteJournal)
    assert ours
    for wrong in (5, "postgresql://localhost/x?colour=red", object()):
        with pytest.raises(ConfigurationError):
            open_journal(wrong)
