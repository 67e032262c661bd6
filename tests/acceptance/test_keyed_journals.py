"""Calls with an idempotency key and an unusable journal: a clear error, and nothing is sent."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import JournalError
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Sandbox
from support.internals import on_connect
from support.keyed import TEXT, WAYS, call
from support.keyed_calls import Journaled
from support.sandboxes import client


NOBODY = 65534


async def make(box, journal, key="order-1234"):
    """Make a keyed call."""
    async with client(box, journal=journal) as sms:
        return await call(sms, "messages.send", key)


async def refused(box, journal, key="order-1234"):
    """Make a keyed call that fails; return the error message."""
    sent = len(box.requests)
    with pytest.raises(JournalError) as caught:
        await make(box, journal, key)
    assert caught.value.safe_to_repeat
    assert len(box.requests) == sent, "something was sent"
    words = str(caught.value)
    assert not any(secret in words for secret in (key, TEXT["content"], TEXT["destination"][-6:]))
    return words


async def test_a_keyed_call_with_a_newer_journal_sends_nothing(tmp_path, box):
    path = tmp_path / "journal.db"
    await make(box, path, "another")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer version" in await refused(box, path)


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_keyed_call_with_a_locked_journal_sends_nothing(
    tmp_path, monkeypatch, box, is_open
):
    monkeypatch.setattr("smsworks_async.journals.sqlite.file.PATIENCE", 0.0)
    path = tmp_path / "journal.db"
    journal = SQLiteJournal(path)
    await make(box, journal, "another")
    if not is_open:
        await journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "locked" in await refused(box, journal if is_open else path)
    answer = await make(box, journal if is_open else path)
    assert not answer.replayed
    await journal.close()


async def test_a_keyed_call_with_a_full_disk_sends_nothing(tmp_path):
    path = tmp_path / "journal.db"
    async with Sandbox(flooding=False) as box:
        await make(box, path, "another")
        full = SQLiteJournal(path)
        on_connect(full, fill)
        sent = 1
        with pytest.raises(JournalError, match="the disk is full"):
            while sent < 100:
                await make(box, full, f"order-{sent}")
                sent += 1
        assert box.accepted() == sent
        assert "the disk is full" in await refused(box, full, f"order-{sent}")
        assert (await make(box, full, "another")).replayed
        await full.close()
        assert not (await make(box, path, f"order-{sent}")).replayed
        assert box.accepted() == sent + 1


def fill(connection):
    """Prevent a file from growing."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_keyed_call_whose_answer_cannot_be_recorded_returns_it_and_is_found_afterwards(
    tmp_path, caplog, box
):
    class Full(SQLiteJournal):
        async def finish_key(self, *args, **kwargs):
            raise JournalError("journal journal.db: the disk is full; make room, and run it again")

    path = tmp_path / "journal.db"
    journal = Full(path)
    answer = await make(box, journal)
    await journal.close()
    assert not answer.replayed
    assert "could not be recorded" in caplog.text
    ahead = SQLiteJournal(path, clock=lambda: box.now + 3600)
    again = await make(box, ahead)
    await ahead.close()
    assert (again.message_id, again.replayed) == (answer.message_id, True)
    assert box.accepted() == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_keyed_call_whose_journal_may_not_grow_sends_nothing(tmp_path, callers, way):
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.first, way)
        said = await case.call(largest_file=1000)
        assert said.verdict == "JournalError"
        assert said.repeatable
        assert said.words.startswith("journal journal.db: ")
        assert not box.requests
        sent = await case.call()
        assert (sent.outcome, sent.replayed) == (("accepted", case.accepted_id), False)
        assert case.is_accepted


@pytest.mark.parametrize("way", WAYS)
async def test_a_keyed_call_whose_journal_may_not_be_written_sends_nothing(callers, way):
    # Root can write anywhere, so the process switches to the user nobody, who cannot enter
    # `tmp_path`.
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox() as box:
            case = Journaled(box, Path(folder) / "journal.db", callers.first, way)
            journal = SQLiteJournal(case.path)
            assert await journal.key("another") is None
            await journal.close()
            case.path.chmod(0o444)
            Path(folder).chmod(0o555)
            said = await case.call(user=NOBODY)
            Path(folder).chmod(0o755)
            case.path.chmod(0o644)
            assert said.verdict == "JournalError"
            assert "it is not writable" in said.words
            assert not box.requests
            sent = await case.call()
            assert (sent.outcome, sent.replayed) == (("accepted", case.accepted_id), False)
            assert case.is_accepted
