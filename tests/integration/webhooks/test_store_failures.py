"""A failing store of handled reports: nothing is lost or handled twice because of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite import file
from smsworks_async.webhooks import MemorySeen, claim
from support.clock import FakeClock
from support.internals import run_in_journal
from support.waiting import until
from support.webhook_servers import serving


@pytest.fixture
async def journal(tmp_path):
    journal = SQLiteJournal(tmp_path / "journal.db")
    yield journal
    await journal.close()


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """Lock the file as another process does, until it is rolled back."""
    monkeypatch.setattr(file, "PATIENCE", 0.0)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as connection:
        yield connection


async def test_webhooks_answer_503_while_the_file_is_locked_and_handle_it_afterwards(
    server, journal, locked, caplog
):
    handled = []
    async with serving(server, on_report=handled.append, seen=journal) as provider:
        assert await provider.report("1") == 200
        locked.execute("BEGIN IMMEDIATE")
        assert await provider.report("2") == 503
        assert [report.message_id for report in handled] == ["1"]
        locked.execute("ROLLBACK")
        assert await provider.report("2") == 200
    assert [report.message_id for report in handled] == ["1", "2"]
    assert "answered with 503" in caplog.text
    assert "locked" in caplog.text


async def test_webhooks_answer_503_while_the_disk_is_full_and_handle_it_afterwards(
    server, journal, caplog
):
    handled, ids = [], iter(range(10**6))
    async with serving(server, on_report=handled.append, seen=journal) as provider:
        assert await provider.report("first") == 200

        def limit(pages):
            return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()[0]

        await run_in_journal(journal, limit(1))  # to as many as there are: SQLite cuts nothing off
        while (status := await provider.report(refused := f"{next(ids):064}")) == 200:
            pass
        assert status == 503
        assert "the disk is full" in caplog.text
        assert refused not in [report.message_id for report in handled]
        await run_in_journal(journal, limit(2**20))
        assert await provider.report(refused) == 200
    assert [report.message_id for report in handled].count(refused) == 1


class Table(MemorySeen):
    """A store that records nothing while it is unavailable."""

    away = True
    attempts = 0

    def add(self, *args):
        self.attempts += 1
        if self.away:
            raise LookupError("the database is away")
        super().add(*args)


async def test_webhooks_record_later_what_was_handled_and_do_not_handle_it_again(
    server, monkeypatch, caplog
):
    monkeypatch.setattr(claim, "RENEWAL", 0.01)
    handled, table = [], Table()
    async with serving(server, on_report=handled.append, seen=table) as provider:
        assert await provider.report("1") == 200
        assert await provider.report("1") == 200
        await until(lambda: table.attempts > 3)
        assert table.statuses("1") == ()
        table.away = False
        await until(lambda: table.statuses("1") == ("DELIVERED",))
        attempts = table.attempts
        assert await provider.report("1") == 200
        await asyncio.sleep(0.05)
        assert table.attempts == attempts, "it goes on recording what is recorded"
    assert len(handled) == 1
    assert "could not be recorded" in caplog.text


async def test_webhooks_keep_the_claim_of_a_handled_report_until_it_is_recorded(
    server, monkeypatch
):
    handled, table = [], Table()
    settings = {"on_report": handled.append, "seen": table}
    monkeypatch.setattr("smsworks_async.webhooks.deduplication.MAX_WAIT", 0.0)
    async with serving(server, **settings) as one, serving(server, **settings) as two:
        assert await one.report("1") == 200
        assert await two.report("1") == 503
    assert len(handled) == 1


async def test_webhooks_leave_what_cannot_be_recorded_to_repeats_when_it_is_too_much(
    server, monkeypatch
):
    monkeypatch.setattr(claim, "MAX_UNRECORDED", 2)
    table = Table()
    async with serving(server, on_report=lambda report: None, seen=table) as provider:
        assert [await provider.report(str(n)) for n in range(3)] == [200, 200, 500]


async def test_webhooks_answer_500_to_a_function_that_cancels_itself(server, caplog):
    calls = []

    async def handle(report):
        calls.append(report)
        if len(calls) == 1:
            raise asyncio.CancelledError

    async with serving(server, on_report=handle) as provider:
        assert [await provider.report(), await provider.report()] == [500, 200]
    assert "answered with 500" in caplog.text


@pytest.mark.parametrize(
    ("by_each", "warned"), [((59, 59), False), ((60, 0), True), ((0, 60), True)]
)
async def test_webhooks_warn_by_either_clock_of_a_claim_that_ended_while_the_function_ran(
    server, by_each, warned, monkeypatch, caplog
):
    clock = FakeClock()
    monkeypatch.setattr(claim, "time", clock)

    def handle(report):
        passed, passed_by_wall_clock = by_each
        clock.advance(passed)
        clock.set_ahead(passed_by_wall_clock - passed)

    async with serving(server, on_report=handle) as provider:
        assert await provider.report() == 200
    assert ("expired while the report was handled" in caplog.text) is warned
