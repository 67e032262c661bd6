"""A journal file with an earlier layout is migrated, and its campaign continued."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.journals import SQLiteJournal, State
from smsworks_async.journals.sqlite.file import VERSION
from smsworks_async.sandbox import Sandbox
from support.sandboxes import AT_ONCE


FOLDER = Path(__file__).parent
OLDER = range(1, VERSION)


def written(path, layout):
    """Write the file that an earlier version had written when it was killed."""
    with closing(sqlite3.connect(path)) as old:
        old.executescript((FOLDER / f"journal_layout_{layout}.sql").read_text())
    return path


def layout_of(path):
    """Return the tables with their columns, and the indexes and triggers with their statements."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        tables = {
            name: sorted(
                (column, type_, not_null, key)
                for _, column, type_, not_null, _, key in connection.execute(
                    f"PRAGMA table_info({name})"
                )
            )
            for type_, name, _ in made
            if type_ == "table"
        }
        return tables, sorted(
            (type_, name, " ".join((sql or "").split()))
            for type_, name, sql in made
            if type_ != "table"
        )


async def opened(path):
    journal = SQLiteJournal(path)
    await journal.seen("1")
    await journal.close()
    return path


@pytest.mark.parametrize("layout", OLDER)
async def test_an_earlier_layout_becomes_the_one_of_a_new_file(tmp_path, layout):
    new = await opened(tmp_path / "new.db")
    old = written(tmp_path / "old.db", layout)
    assert layout_of(old) != layout_of(new)
    assert layout_of(await opened(old)) == layout_of(new)
    with closing(sqlite3.connect(old)) as upgraded:
        assert upgraded.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_layout_1_keeps_the_doubles_that_only_its_events_tell_of(tmp_path):
    journal = SQLiteJournal(written(tmp_path / "journal.db", 1))
    records = await journal.chunks("x")
    assert [record.state for record in records] == ["accepted", "sending", "pending"]
    assert records[0].doubles == ("2",)
    claimed = await journal.claim_next(
        "x", owner="me", lease=30.0, round=0, after=-1, international=True
    )
    assert claimed.record.number == 2
    await journal.add_seen("1", "SENT")
    assert await journal.claim_seen("1", "DELIVERED", "me", 60.0)
    assert list(await journal.seen("1")) == ["SENT"]
    await journal.close()


@pytest.mark.parametrize("layout", [2, 3, 4])
async def test_a_campaign_of_an_earlier_layout_is_gone_on_with_and_finished(tmp_path, layout):
    """It was killed in its second chunk, after one was refused for lack of credit."""
    path = written(tmp_path / "journal.db", layout)
    # By the journal's clock, two minutes after the last claim.
    journal = SQLiteJournal(path, clock=lambda: 1_900_000_124.0)
    async with (
        Sandbox() as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        status = await sms.bulk.status("x", journal=journal)
        assert (status.accepted, status.in_flight, status.rejected) == (4, 2, 2)
        report = await sms.bulk.send(
            sender="AcmeCorp",
            content="Hello",
            chunk_size=2,
            journal=journal,
            campaign="x",
            settle=0,
        )
        accepted = box.accepted_by_destination()
    assert accepted == {f"4477009000{n:02d}": 1 for n in (4, 5, 6, 7)}
    assert (report.read, report.accepted, report.unknown, report.invalid) == (11, 8, 2, 1)
    assert report.accepted_twice == 2
    assert report.adds_up
    outcomes = {batch.number: batch.outcome for batch in report.batches}
    assert outcomes[1] is Outcome.UNKNOWN, "whether its request left, nobody can say"
    records = await journal.chunks("x")
    assert [record.international for record in records] == [False] * 4 + [True]
    assert [record.state for record in records if record.number != 1] == [State.ACCEPTED] * 4
    events = [event.what for event in await journal.events("x", 2)]
    assert events == ["planned", "started", "rejected", "reopened", "started", "accepted"]
    # A claim of the previous version has expired; handled reports stay handled.
    assert list(await journal.seen("1")) == ["SENT"]
    assert await journal.claim_seen("1", "DELIVERED", "another", 60.0)
    await journal.close()
