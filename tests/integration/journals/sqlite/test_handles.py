"""One file, one connection in each process: handles, forks, and files that vanish."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import JournalError
from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite import handles
from support.internals import worker_of
from support.journals import CAMPAIGN, CHUNKS
from support.waiting import PATIENCE


HAS_DESCRIPTORS = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc"
)


async def planned(path):
    journal = SQLiteJournal(path)
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, [])
    return journal


async def claim(journal):
    return await journal.claim_next(
        "x", owner="me", lease=30.0, round=0, after=-1, international=True
    )


def look(path):
    """Open and close the file in another process, which deletes the log if it is the last one."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute('SELECT count(*) FROM chunk').fetchone(); c.close()"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


@pytest.mark.parametrize("used", ["closed", "left open", "never used"])
async def test_a_second_handle_leaves_the_locks_of_the_first_in_place(tmp_path, used):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    second = SQLiteJournal(path)
    if used != "never used":
        await second.summary("x")
    if used == "closed":
        await second.close()
    await asyncio.to_thread(look, path)
    assert Path(f"{path}-wal").exists(), "the log was deleted under an open journal"
    await claim(journal)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM chunk WHERE state = 'sending'").fetchone() == (
            1,
        )
    await journal.close()
    await second.close()


async def test_handles_by_different_paths_share_a_worker(tmp_path):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    (tmp_path / "link.db").symlink_to(path)
    (tmp_path / "folder").symlink_to(tmp_path)
    others = [SQLiteJournal(tmp_path / name) for name in ("link.db", "folder/journal.db")]
    assert set(map(worker_of, [journal, *others])) == {worker_of(journal)}
    await journal.close()
    for other in others:  # the remaining handle continues
        assert len(await other.chunks("x")) == 3
        await other.close()
    assert not handles._workers


@HAS_DESCRIPTORS
async def test_the_last_handle_closes_the_file_and_the_next_one_opens_it_anew(tmp_path):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    await journal.close()
    held = [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    assert not [name for name in held if name.startswith(str(path))]
    again = SQLiteJournal(path)
    assert len(await again.chunks("x")) == 3
    await again.close()


async def test_a_handle_may_be_opened_while_the_last_one_is_closing(tmp_path):
    path = tmp_path / "journal.db"
    first = await planned(path)
    for _ in range(50):
        closing_ = asyncio.create_task(first.close())
        await asyncio.sleep(0)
        second = SQLiteJournal(path)
        assert len(await second.chunks("x")) == 3
        await closing_
        first = second
    await first.close()
    assert not handles._workers


async def test_handles_answer_each_on_its_own_loop(tmp_path):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    counts = []

    def elsewhere():
        async def count():
            other = SQLiteJournal(path)
            counts.append(len(await other.chunks("x")))
            await other.close()

        asyncio.run(count())

    threads = [threading.Thread(target=elsewhere) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert counts == [3] * 8
    await journal.close()


async def test_a_closing_that_is_cancelled_closes_all_the_same(tmp_path):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    task = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = SQLiteJournal(path)
    assert len(await again.chunks("x")) == 3
    await again.close()
    assert not handles._workers


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_file_that_vanishes_takes_no_claim_and_cannot_be_opened(tmp_path, how):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    await claim(journal)
    if how == "replaced":
        copy = await planned(tmp_path / "other.db")
        await copy.close()
        (tmp_path / "other.db").replace(path)
    else:
        path.unlink()
    with pytest.raises(JournalError, match="deleted or replaced"):
        await claim(journal)
    second = SQLiteJournal(path)
    with pytest.raises(JournalError, match="deleted or replaced"):
        await second.begin(CAMPAIGN)
    assert path.exists() is (how == "replaced"), "no new file takes the place of the old one"
    await journal.close()
    # After the old one is closed, the path is used as it is.
    third = SQLiteJournal(path)
    await third.begin(CAMPAIGN)
    await third.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", ""])
async def test_a_journal_without_all_of_its_files_takes_no_claim(tmp_path, suffix):
    path = tmp_path / "journal.db"
    journal = await planned(path)
    await claim(journal)
    Path(f"{path}{suffix}").unlink()
    with pytest.raises(JournalError, match="deleted or replaced"):
        await claim(journal)
    await journal.close()


async def test_a_file_with_two_names_is_refused(tmp_path):
    """SQLite names its log after the path, so that there would be two journals."""
    path = tmp_path / "journal.db"
    journal = await planned(path)
    os.link(path, tmp_path / "hard.db")
    with pytest.raises(JournalError, match="hard links"):
        await SQLiteJournal(tmp_path / "hard.db").begin(CAMPAIGN)
    with pytest.raises(JournalError, match="hard links"):
        await claim(journal)
    (tmp_path / "hard.db").unlink()
    assert (await claim(journal)).record.number == 0
    await journal.close()


async def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(JournalError, match="it is not a file"):
        await SQLiteJournal(tmp_path / "pipe.db").begin(CAMPAIGN)


async def test_jobs_that_come_after_the_end_are_refused_and_not_forgotten(tmp_path):
    journal = await planned(tmp_path / "journal.db")
    worker = worker_of(journal)
    closing_ = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    with pytest.raises(JournalError, match="closed"):
        await asyncio.wait_for(worker.do(lambda connection: None), PATIENCE)
    await closing_


def in_a_process(code, path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + code, path],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


PRELUDE = """
import asyncio, gc, os, sqlite3, sys
from pathlib import Path
from smsworks_async import JournalError
from smsworks_async.journals import Campaign, PlannedChunk, SQLiteJournal
path = sys.argv[1]
campaign = Campaign(id="x", kind="send", message={}, chunk_size=9, deduplicate=True)
chunks = [PlannedChunk(number=n, items=str(n), positions=str(n), size=1, credits=1.0,
                       international=False) for n in range(4)]
async def begin(journal):
    await journal.begin(campaign)
    await journal.plan("x", chunks, [])
async def claim(journal):
    claim = await journal.claim_next(
        "x", owner="me", lease=30.0, round=0, after=-1, international=True)
    return claim.record.number
async def count(journal):
    return len([e for e in await journal.chunks("x") if e.state == "sending"])
def wait(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def test_a_journal_made_before_a_fork_works_after_it(tmp_path):
    code = """
journal = SQLiteJournal(path)
if (pid := os.fork()) == 0:
    asyncio.run(begin(journal))
    print(asyncio.run(claim(journal)), flush=True)
    sys.exit()
wait(pid)
print(asyncio.run(claim(journal)), asyncio.run(count(journal)))
"""
    assert in_a_process(code, tmp_path / "journal.db") == ["0", "1", "2"]


def test_a_journal_used_before_a_fork_works_in_both_processes_after_it(tmp_path):
    """Both claim, and neither drops the other's locks by use, collection or exit."""
    code = """
journal = SQLiteJournal(path)
asyncio.run(begin(journal))
print(asyncio.run(claim(journal)), flush=True)
if (pid := os.fork()) == 0:
    print(asyncio.run(claim(journal)), flush=True)
    del journal
    gc.collect()
    sys.exit()
wait(pid)
print(asyncio.run(claim(journal)), flush=True)
if (pid := os.fork()) == 0:  # one that does not care
    gc.collect()
    sys.exit()
wait(pid)
print(asyncio.run(claim(journal)), asyncio.run(count(journal)))
other = sqlite3.connect(path)
print(other.execute("SELECT count(*) FROM chunk WHERE state = 'sending'").fetchone()[0])
"""
    assert in_a_process(code, tmp_path / "journal.db") == ["0", "1", "2", "3", "4", "4"]


def test_a_fork_during_a_write_waits_for_it(tmp_path):
    code = """
import threading
journal = SQLiteJournal(path)
async def run():
    await begin(journal)
    for _ in range(300):
        await journal.add_seen(str(_), "SENT")
    return True
thread = threading.Thread(target=asyncio.run, args=(run(),))
thread.start()
for _ in range(20):
    if (pid := os.fork()) == 0:
        other = SQLiteJournal(path)
        async def once():
            await begin(other)
            await other.add_seen(f"child {os.getpid()}", "SENT")
        asyncio.run(once())
        os._exit(0)
    wait(pid)
thread.join()
found = sqlite3.connect(path)
print(found.execute("SELECT count(*) FROM seen").fetchone()[0])
print(found.execute("PRAGMA integrity_check").fetchone()[0])
"""
    assert in_a_process(code, tmp_path / "journal.db") == ["320", "ok"]


@pytest.mark.skipif(sys.platform != "linux", reason="forks behind Python's back by libc")
def test_a_fork_that_nobody_was_told_of_leaves_an_open_file_alone(tmp_path):
    """SQLite mistakes the parent's locks for the child's: neither use nor close is safe."""
    code = """
import ctypes
journal = SQLiteJournal(path)
asyncio.run(begin(journal))
libc = ctypes.PyDLL(None)
if (pid := libc.fork()) == 0:
    try:
        for again in (journal, SQLiteJournal(path)):
            try:
                asyncio.run(claim(again))
            except JournalError as error:
                print("forked" in str(error), flush=True)
        del journal
        gc.collect()
        other = SQLiteJournal(path + "-of-its-own")
        asyncio.run(begin(other))
        print(asyncio.run(claim(other)), flush=True)
    finally:
        os._exit(0)
wait(pid)
print(asyncio.run(claim(journal)))
"""
    said = in_a_process(code, tmp_path / "journal.db")
    assert said == ["True", "True", "0", "0"]


async def test_a_relative_path_is_of_the_folder_in_which_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal = SQLiteJournal("journal.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    await journal.begin(CAMPAIGN)
    await journal.close()
    assert (tmp_path / "journal.db").exists()
    assert journal.path == str(tmp_path / "journal.db")
