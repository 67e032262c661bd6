"""An asynchronous standby takes over without the latest records."""

from __future__ import annotations

import asyncio
import signal

import pytest

from smsworks_async import JournalError
from smsworks_async.sandbox import Sandbox
from support import postgres
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY, drama
from support.postgres import REPLICATED, Server, Standby, fetch
from support.sandboxes import client


pytestmark = pytest.mark.skipif(
    postgres.binaries() is None, reason="there is no PostgreSQL for this platform"
)


@pytest.fixture
def primary():
    server = Server(**REPLICATED)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def standby(primary):
    server = Standby(primary)
    server.start()
    yield server
    server.remove()


async def promote(standby):
    ((done,),) = await fetch(standby.url(), "SELECT pg_promote()")
    assert done


async def has_heard_all(primary, standby):
    """Wait until the standby has all data of the primary."""
    ((there,),) = await fetch(primary.url(), "SELECT pg_current_wal_lsn()::text")
    query = f"SELECT pg_last_wal_replay_lsn() >= '{there}'"
    while await fetch(standby.url(), query) != [(True,)]:
        await asyncio.sleep(0.02)


async def test_work_on_a_promoted_standby_sends_nothing_until_it_was_reconciled(primary, standby):
    people = drama(100)
    async with Sandbox() as box:
        async with client(box, journal=primary.url()) as sms:
            await sms.bulk.plan(**TEXT_TO_MANY, destinations=people, chunk_size=10, campaign="x")
            assert (await sms.bulk.work("x", limit=2)).accepted == 20
            await has_heard_all(primary, standby)
            standby.stop()
            assert (await sms.bulk.work("x", limit=3)).accepted == 50
        primary.stop(signal.SIGKILL)
        standby.start()
        await promote(standby)
        async with client(box, journal=standby.url()) as sms:
            use_clock(sms, FakeClock())
            assert (await sms.bulk.status("x")).accepted == 20, "it lacks three chunks"
            with pytest.raises(JournalError, match="restored=True"):
                await sms.bulk.work("x")
            assert len(box.accepted_by_destination()) == 50
            report = await sms.bulk.reconcile("x", restored=True, settle=0)
            assert (report.accepted, report.unknown, report.not_sent) == (50, 0, 50)
            assert (await sms.bulk.work("x")).accepted == 100
        assert sorted(box.accepted_by_destination().values()) == [1] * 100
