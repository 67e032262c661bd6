"""Reports are claimed before they are handled: once, even with several processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from smsworks_async._callables import settled
from smsworks_async.errors import ConfigurationError, JournalError
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.webhooks import MemorySeen, Seen, Webhooks
from smsworks_async.webhooks.seen import open_seen
from support.clock import FakeClock
from support.waiting import PATIENCE, until
from support.webhook_servers import Slow, serving


@pytest.fixture
def clock():
    return FakeClock(1_900_000_000.0)


@pytest.fixture(params=["memory", "memory journal", "sqlite"])
async def store(request, clock, tmp_path):
    """A store with async methods."""
    if request.param == "memory":
        seen = MemorySeen(clock=clock)
    elif request.param == "memory journal":
        seen = open_seen(MemoryJournal(clock=clock))
    else:
        journal = SQLiteJournal(tmp_path / "journal.db", clock=clock)
        seen = open_seen(journal)
    assert isinstance(seen, Seen)

    class Store:
        def __getattr__(self, name):
            return lambda *args: settled(getattr(seen, name)(*args))

    yield Store()
    if request.param == "sqlite":
        await journal.close()


async def test_claim_of_a_message_is_one_owners_whatever_its_statuses(store):
    assert await store.claim("1", "DELIVERED", "a", 60.0)
    assert not await store.claim("1", "DELIVERED", "b", 60.0)
    assert not await store.claim("1", "EXPIRED", "b", 60.0)
    assert await store.claim("2", "DELIVERED", "b", 60.0)
    assert list(await store.statuses("1")) == []


async def test_claim_holds_until_its_lease_ends_and_as_long_as_it_is_renewed(store, clock):
    assert await store.claim("1", "SENT", "a", 60.0)
    clock.advance(59.0)
    assert await store.claim("1", "SENT", "a", 60.0)
    clock.advance(59.0)
    assert not await store.claim("1", "SENT", "b", 60.0)
    clock.advance(1.0)
    assert await store.claim("1", "SENT", "b", 60.0)
    assert not await store.claim("1", "SENT", "a", 60.0), "a renewal that comes too late"


async def test_claim_does_not_outlive_a_clock_that_is_set_back(store, clock):
    assert await store.claim("1", "SENT", "killed", 60.0)
    clock.set_ahead(-3600.0)
    assert not await store.claim("1", "SENT", "b", 60.0)
    clock.advance(59.0)
    assert not await store.claim("1", "SENT", "b", 60.0)
    clock.advance(1.0)
    assert await store.claim("1", "SENT", "b", 60.0)


async def test_release_frees_a_claim_and_only_by_its_owner(store):
    assert await store.claim("1", "SENT", "a", 60.0)
    await store.release("1", "b")
    assert not await store.claim("1", "SENT", "b", 60.0)
    await store.release("1", "a")
    assert await store.claim("1", "SENT", "b", 60.0)
    assert list(await store.statuses("1")) == []


async def test_claim_ends_with_what_was_handled_and_is_not_made_again(store):
    assert await store.claim("1", "SENT", "a", 60.0)
    await store.add("1", "SENT", "a")
    assert list(await store.statuses("1")) == ["SENT"]
    assert not await store.claim("1", "SENT", "b", 60.0)
    assert await store.claim("1", "DELIVERED", "b", 60.0)
    await store.release("1", "b")
    assert list(await store.statuses("1")) == ["SENT"]


async def test_claim_may_end_with_another_status_than_the_claimed_one(store):
    assert await store.claim("1", "DELIVERED", "a", 60.0)
    await store.add("1", "UNDELIVERED", "a")
    assert list(await store.statuses("1")) == ["UNDELIVERED"]
    assert await store.claim("1", "DELIVERED", "b", 60.0), "the claim has ended"


async def test_claim_that_had_ended_may_still_be_handled(store, clock):
    assert await store.claim("1", "SENT", "a", 60.0)
    clock.advance(60.0)
    assert await store.claim("1", "SENT", "b", 60.0)
    await store.add("1", "SENT", "a")
    assert list(await store.statuses("1")) == ["SENT"]
    await store.release("1", "b")
    await store.add("1", "SENT", "b")
    assert list(await store.statuses("1")) == ["SENT"]


async def test_claim_in_a_file_that_was_deleted_is_an_error(tmp_path):
    path = tmp_path / "journal.db"
    journal = SQLiteJournal(path)
    assert await journal.claim_seen("1", "SENT", "a", 60.0)
    path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(JournalError, match="deleted or replaced"):
        await journal.claim_seen("2", "SENT", "a", 60.0)
    await journal.close()


def test_webhooks_refuse_a_store_without_claims_by_the_names_that_it_lacks():
    class Old:
        def statuses(self, message_id):
            return ()

        def add(self, message_id, status):
            pass

    with pytest.raises(ConfigurationError, match="lacks claim and release"):
        Webhooks(on_report=print, insecure=True, seen=Old())


@pytest.mark.parametrize("other", ["DELIVERED", "EXPIRED"])
async def test_webhooks_that_share_a_journal_handle_a_report_once_and_answer_alike(
    server, other, tmp_path
):
    slow = Slow()
    settings = {"on_report": slow, "seen": tmp_path / "journal.db"}
    async with serving(server, **settings) as one, serving(server, **settings) as two:
        first = asyncio.ensure_future(one.report("1", "DELIVERED"))
        await until(lambda: slow.handled)
        second = asyncio.ensure_future(two.report("1", other))
        done, _ = await asyncio.wait([first, second], timeout=0.2)
        assert not done
        slow.go_on.set()
        assert await asyncio.gather(first, second) == [200, 200]
    assert slow.handled == [("1", "DELIVERED")]


async def test_webhooks_that_share_a_journal_handle_what_the_other_failed_on(server, tmp_path):
    slow = Slow(failures=1)
    settings = {"on_report": slow, "seen": tmp_path / "journal.db"}
    async with serving(server, **settings) as one, serving(server, **settings) as two:
        first = asyncio.ensure_future(one.report())
        await until(lambda: slow.handled)
        second = asyncio.ensure_future(two.report())
        slow.go_on.set()
        assert await asyncio.gather(first, second) == [500, 200]
    assert slow.handled == [("1", "DELIVERED")] * 2


async def test_webhooks_handle_a_killed_processs_claim_when_its_lease_has_ended(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr("smsworks_async.webhooks.deduplication.MAX_WAIT", 0.0)
    script = (
        "import asyncio, os, sys\n"
        "from smsworks_async.journals import SQLiteJournal\n"
        "async def main():\n"
        "    journal = SQLiteJournal(sys.argv[1], clock=lambda: float(sys.argv[2]))\n"
        "    assert await journal.claim_seen('1', 'DELIVERED', 'killed', 60.0)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    now = time.time()
    path = tmp_path / "journal.db"
    killed = subprocess.run([sys.executable, "-c", script, path, str(now)], capture_output=True)
    assert killed.returncode == -9, killed.stderr
    clock = FakeClock(now + 59.0)
    journal = SQLiteJournal(path, clock=clock)
    handled = []
    async with serving(server, on_report=handled.append, seen=journal) as provider:
        assert await provider.report() == 503
        assert handled == []
        clock.advance(1.0)
        assert await provider.report() == 200
        assert await provider.report() == 200
    assert len(handled) == 1
    await journal.close()


async def test_claim_is_renewed_while_the_function_runs_and_not_after(server, monkeypatch):
    monkeypatch.setattr("smsworks_async.webhooks.claim.RENEWAL", 0.01)
    renewed = threading.Event()

    class Counting(MemorySeen):
        claims = 0

        def claim(self, *args):
            self.claims += 1
            if self.claims > 3:
                renewed.set()
            return super().claim(*args)

    seen = Counting()

    def handle(report):
        assert renewed.wait(PATIENCE)
        assert not MemorySeen.claim(seen, report.message_id, report.status, "another", 60.0)

    async with serving(server, on_report=handle, seen=seen) as provider:
        assert await provider.report() == 200
        claims = seen.claims
        await asyncio.sleep(0.05)
        assert seen.claims == claims
    assert seen.statuses("1") == ("DELIVERED",)


async def test_claim_renewals_that_fail_do_not_stop_the_function(server, monkeypatch, caplog):
    monkeypatch.setattr("smsworks_async.webhooks.claim.RENEWAL", 0.01)
    failed = threading.Event()

    class Away(MemorySeen):
        claims = 0

        def claim(self, *args):
            self.claims += 1
            if self.claims > 2:
                failed.set()
            if self.claims > 1:
                raise LookupError("the database is away")
            return super().claim(*args)

        def release(self, *args):
            raise LookupError("the database is away")

    def handle(report):
        assert failed.wait(PATIENCE)
        if report.message_id == "2":
            raise LookupError

    async with serving(server, on_report=handle, seen=Away()) as provider:
        assert await provider.report() == 200
    assert "could not be renewed" in caplog.text
    seen = Away()
    seen.claims = -5
    failed.set()
    async with serving(server, on_report=handle, seen=seen) as provider:
        assert await provider.report("2") == 500
    assert "could not be released" in caplog.text
