"""Clock changes during a request, and no time-outs: no recipient is texted twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    Outcome,
)
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.campaigns.workers import order, worker
from support.clock import SandboxClock, use_clock
from support.fault_matrix import ReleasingClock
from support.internals import requester_of
from support.messages import TEXT_TO_MANY, drama
from support.reports import named, nobody_twice
from support.sandboxes import client
from support.waiting import PATIENCE, give_up_when_held, until


TEN = drama(10)


LOST = Fault(path="/batch/*", when="after")


# Clock changes during a request

CAMPAIGN = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 10, "settle": 0}


async def test_the_clock_is_set_forward_while_a_request_is_on_its_way_and_another_run_resends(
    tmp_path,
):
    """Its lease expires at once by the wall clock, but not by the other run's monotonic clock."""
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="late")]) as box:
        clock = ReleasingClock(box)
        async with client(box) as first, client(box) as second:
            use_clock(second, clock)
            one, other = (SQLiteJournal(path, clock=clock) for _ in range(2))
            run = asyncio.create_task(first.bulk.send(**CAMPAIGN, journal=one, destinations=TEN))
            await until(lambda: box.requests)
            clock.set_ahead(120)
            clock.holding = True  # accepted while the other run waits
            began = clock.monotonic()
            report = await second.bulk.send(**CAMPAIGN, journal=other, on_unknown="resend")
            watched = clock.monotonic() - began
            if clock.holding:
                box.release()
            late = await run
            await one.close()
            await other.close()
        assert nobody_twice(box)
        assert report.accepted == late.accepted == box.accepted() == 10
        assert report.accepted_twice == late.accepted_twice == 0
    assert watched >= 68, "for the lease (38.5 s) and for one request's time (30 s)"


async def test_a_known_double_is_counted_and_named_in_every_report(tmp_path):
    """The search is empty, the chunk is resent, and then the first response arrives."""
    path = tmp_path / "campaigns.db"
    hold = Fault(path="/batch/send", when="hold")
    async with Sandbox(faults=[hold], search_lag=1e6) as box:
        clock = ReleasingClock(box)
        async with client(box) as first, client(box) as second:
            use_clock(second, clock)
            one, other = (SQLiteJournal(path, clock=clock) for _ in range(2))
            run = asyncio.create_task(first.bulk.send(**CAMPAIGN, journal=one, destinations=TEN))
            await until(lambda: box.accepted() == 10)
            clock.set_ahead(60)
            await second.bulk.send(**CAMPAIGN, journal=other, on_unknown="resend")
            assert Counter(box.accepted_by_destination().values()) == {2: 10}
            box.release()
            reports = [await run]
            reports.append(await second.bulk.reconcile("x", journal=other, settle=0))
            await one.close()
            await other.close()
        batches = {message.batch_id for message in box.messages}
        texted = set(box.accepted_by_destination())
    for report in reports:
        assert report.adds_up
        assert (report.accepted, report.accepted_twice) == (10, 10)
        (batch,) = report.batches
        assert {batch.batch_id, *batch.doubles} == batches
        assert set(batch.destinations) == texted


@pytest.mark.parametrize("wrong", [-3600, -600, 600])
async def test_a_clock_that_was_wrong_for_the_request_is_set_right_before_somebody_resends(
    tmp_path, wrong
):
    async with Sandbox(clock=ManualClock(), faults=[LOST]) as box, client(box) as sms:

        async def sleep(seconds):
            await box.advance(seconds)
            await sms.credits.balance()  # its response has the provider's time again

        clock = SandboxClock(box, ahead=wrong)
        use_clock(sms, clock, sleep=sleep)
        await sms.credits.balance()  # any response has the provider's time
        path = tmp_path / "campaigns.db"
        journal = SQLiteJournal(path, clock=clock)
        box.add_fault(Fault(path="/messages", status=403, times=0))
        report = await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
        assert report.unknown == 10
        box.clear_faults()
        clock.ahead = 0.0
        await sms.bulk.send(**CAMPAIGN, journal=journal, on_unknown="resend")
        await journal.close()
        assert nobody_twice(box)


# No time-outs


async def test_without_a_time_out_a_campaigns_request_is_given_up_and_found(tmp_path):
    """It has its own limit, so the lease is longer."""
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="late")]) as box:
        clock = ReleasingClock(box)
        journal = SQLiteJournal(path, clock=clock)
        async with client(box, timeout=None) as sms:
            use_clock(sms, clock)
            give_up_when_held(box, sms)
            async with asyncio.timeout(PATIENCE):
                first = await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
            assert first.unknown == 10
            clock.holding = True
            report = await sms.bulk.send(**CAMPAIGN, journal=journal, on_unknown="resend")
        await journal.close()
        assert nobody_twice(box)
        assert report.accepted == box.accepted() == 10


@pytest.mark.parametrize(
    ("timeout", "limit"), [(None, 300.0), (30, 30.0), (3600, 3600.0), (1e7, 1e7)]
)
async def test_a_lease_outlives_the_longest_request_whatever_the_time_out(
    box, clock, timeout, limit
):
    given = []
    journal = MemoryJournal(clock=clock)
    async with client(box, timeout=timeout) as sms:
        requester = requester_of(sms)
        limited = requester.limited

        def noting(seconds):
            given.append(seconds)
            return limited(seconds)

        requester.limited = noting
        await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
    (entry,) = await journal.chunks("x")
    assert limit in given
    assert entry.lease_seconds > limit
    assert entry.lease_seconds == pytest.approx(limit * 1.25 + 1)


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), 1e300, 10**400, 0, -1, True])
def test_a_time_out_that_never_ends_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        AsyncSMSWorks("JWT eyJ", timeout=timeout)


async def test_a_run_with_an_hour_for_each_request_is_killed_and_found_when_that_is_over(tmp_path):
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="hold")]) as box:
        process = await worker(
            order(box, path, timeout=3600, destinations=TEN, chunk_size=10, concurrency=1)
        )
        await until(lambda: box.accepted() == 10)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        box.release()
        clock = ReleasingClock(box)
        journal = SQLiteJournal(path, clock=clock)
        async with client(box) as sms:
            use_clock(sms, clock)
            run = {**CAMPAIGN, "journal": journal, "on_unknown": "resend"}
            early = await sms.bulk.send(**run)
            assert set(named(early, Outcome.UNKNOWN)) == set(box.accepted_by_destination())
            clock.set_ahead(7200)
            report = await sms.bulk.send(**run)
        await journal.close()
        assert nobody_twice(box)
        assert report.accepted == box.accepted() == 10
