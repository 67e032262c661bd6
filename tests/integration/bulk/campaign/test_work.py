"""Working on a planned campaign: `bulk.work`."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from smsworks_async import (
    BulkInterrupted,
    ConfigurationError,
    NotSent,
    SendWindow,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.optouts import OptOuts
from smsworks_async.sandbox import Fault
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import client


CLOSED = SendWindow("09:00", "20:00", outside="wait")
NIGHT = datetime(2031, 5, 8, 3, tzinfo=ZoneInfo("Europe/London")).timestamp()


@pytest.fixture(params=["memory", "sqlite"])
async def planned(request, tmp_path, sms):
    journal = MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "x.db")
    await sms.bulk.plan(
        **TEXT_TO_MANY, destinations=drama(100), chunk_size=10, journal=journal, campaign="x"
    )
    yield {"campaign": "x", "journal": journal}
    await journal.close()


async def test_work_sends_what_was_planned(sms, box, planned):
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.stopped) == (100, None)
    assert report.all_accepted
    assert set(box.accepted_by_destination().values()) == {1}
    assert (await sms.bulk.work(**planned)).accepted == 100
    assert len(box.requests) == 10


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_work_sends_so_many_chunks_at_most(sms, box, planned, concurrency):
    report = await sms.bulk.work(**planned, limit=3, concurrency=concurrency)
    assert (report.accepted, report.not_sent) == (30, 70)
    assert isinstance(report.stopped, NotSent)
    report = await sms.bulk.work(**planned, limit=50, concurrency=concurrency)
    assert (report.accepted, report.stopped) == (100, None)
    assert len(box.requests) == 10


class CountingJournal(MemoryJournal):
    """A journal that counts how often it is asked: in another place, each call is a trip."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    async def _read_for(self, *args, **kwargs):
        self.calls += 1
        return await super()._read_for(*args, **kwargs)

    async def _run_for(self, *args, **kwargs):
        self.calls += 1
        return await super()._run_for(*args, **kwargs)


async def test_work_asks_no_more_of_a_journal_where_more_is_pending(sms):
    calls = []
    for chunks in (20, 400):
        journal = CountingJournal()
        await sms.bulk.plan(
            **TEXT_TO_MANY, destinations=drama(chunks), chunk_size=1, journal=journal, campaign="x"
        )
        journal.calls = 0
        report = await sms.bulk.work("x", journal=journal, limit=1)
        assert (report.accepted, report.not_sent) == (1, chunks - 1)
        assert report.batches[-1].destinations == (f"447700900{chunks - 1:03d}",)
        calls.append(journal.calls)
    # Its report has to name all who are not sent to: that takes a call for hundreds of chunks.
    assert calls[1] <= calls[0] + 3


async def test_work_ends_when_its_time_is_over_also_while_it_waits_for_a_rate(sms, box, planned):
    clock = FakeClock()
    sleeping = asyncio.Event()

    async def sleep(seconds):
        if seconds == 50.0:
            await sleeping.wait()

    use_clock(sms, clock, sleep=sleep)

    def end(event):
        if event.accepted == 20:
            sleeping.set()

    report = await sms.bulk.work(**planned, seconds=50, concurrency=1, max_rate=20, progress=end)
    assert 20 <= report.accepted < 100
    assert "time limit was reached" in str(report.stopped)
    assert report.adds_up


async def test_work_sends_a_chunk_however_short_its_time_is(sms, box, planned):
    for sent in range(1, 11):
        report = await sms.bulk.work(**planned, seconds=1e-9, concurrency=1)
        assert report.accepted >= sent * 10
    assert report.accepted == 100


async def test_work_shares_a_campaign(sms, box, planned):
    reports = await asyncio.gather(*(sms.bulk.work(**planned, concurrency=2) for _ in range(4)))
    assert max(report.accepted for report in reports) == 100
    assert set(box.accepted_by_destination().values()) == {1}
    assert len(box.requests) == 10


async def test_work_reconciles_nothing(sms, box, planned):
    box.add_fault(Fault(path="/batch/send", when="after"))
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.unknown) == (90, 10)
    assert {request.path for request in box.requests} == {"/batch/send"}
    assert (await sms.bulk.reconcile(**planned, settle=0)).accepted == 100


async def test_work_leaves_alone_what_others_are_sending(sms, box, planned):
    await planned["journal"].claim_next(
        "x", owner="another", lease=60.0, round=0, after=-1, international=True
    )
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.unknown) == (90, 10)


@pytest.mark.parametrize("control", ["pause", "cancel"])
async def test_work_ends_where_the_campaign_is_paused_or_cancelled(sms, box, planned, control):
    await sms.bulk.work(**planned, limit=1)
    await getattr(sms.bulk, control)(**planned)
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.not_sent) == (10, 90)
    assert f"'x' {'is paused' if control == 'pause' else 'was cancelled'}" in str(report.stopped)
    assert len(box.requests) == 1


async def test_work_lifts_no_halt_but_resume_does_and_sends_what_was_refused(sms, box, planned):
    box.add_fault(Fault(path="/batch/send", error_code=4021, status=402, nth=2))
    await sms.bulk.work(**planned, concurrency=1)
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.rejected, report.not_sent) == (10, 10, 80)
    assert "halted" in str(report.stopped)
    await sms.bulk.resume(**planned)
    assert (await sms.bulk.work(**planned)).accepted == 100
    assert set(box.accepted_by_destination().values()) == {1}


async def test_plan_lifts_a_halt_for_those_who_work(sms, box, planned):
    box.add_fault(Fault(path="/batch/send", error_code=4021, status=402))
    await sms.bulk.work(**planned, concurrency=1)
    await sms.bulk.plan(**TEXT_TO_MANY, destinations=drama(100), chunk_size=10, **planned)
    assert (await sms.bulk.work(**planned)).accepted == 100


async def test_work_does_not_wait_for_the_window(sms, box):
    clock = FakeClock(NIGHT)
    use_clock(sms, clock)
    planned = {"campaign": "x", "journal": MemoryJournal(clock=clock)}
    await sms.bulk.plan(**TEXT_TO_MANY, destinations=drama(10), window=CLOSED, **planned)
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.not_sent) == (0, 10)
    assert "outside its window" in str(report.stopped)
    assert clock.slept == []


async def test_work_leaves_out_who_has_opted_out(sms, box, planned):
    await OptOuts(planned["journal"]).add("07700 900003")
    report = await sms.bulk.work(**planned)
    assert (report.accepted, report.opted_out) == (99, 1)


async def test_work_goes_by_the_list_that_the_campaign_respects(box, planned):
    async with client(box, opt_outs=OptOuts(MemoryJournal())) as other:
        with pytest.raises(ConfigurationError, match="a different opt-out list"):
            await other.bulk.work(**planned)
    assert box.requests == []


async def test_work_needs_a_whole_plan(sms, box, planned):
    with pytest.raises(ValidationError, match="has no campaign 'y'"):
        await sms.bulk.work("y", journal=planned["journal"])

    def interrupted():
        yield from drama(20)
        raise RuntimeError

    with pytest.raises(BulkInterrupted):
        await sms.bulk.plan(
            **TEXT_TO_MANY,
            destinations=interrupted(),
            chunk_size=10,
            journal=planned["journal"],
            campaign="y",
        )
    with pytest.raises(ValidationError, match="not completely planned"):
        await sms.bulk.work("y", journal=planned["journal"])
    assert box.requests == []


@pytest.mark.parametrize(("name", "value"), [("limit", 0), ("limit", 1.5), ("seconds", 0)])
async def test_work_refuses_a_limit_that_is_none(sms, box, planned, name, value):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.work(**planned, **{name: value})
    assert caught.value.field == name
    assert box.requests == []


async def test_sigterm_ends_work_after_what_is_in_flight(sms, box, planned):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("the application's own"))
    box.add_fault(Fault(path="/batch/send", when="hold", nth=3))

    def kill(event):
        if event.accepted == 20 and not heard:
            os.kill(os.getpid(), signal.SIGTERM)
            asyncio.get_running_loop().call_later(0.05, box.release)

    try:
        report = await sms.bulk.work(**planned, concurrency=3, progress=kill)
        assert signal.getsignal(signal.SIGTERM) is not before
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["the application's own"]
    assert "stop was requested" in str(report.stopped)
    assert 30 <= report.accepted < 100
    assert (report.unknown, report.adds_up) == (0, True)
    assert (await sms.bulk.work(**planned)).accepted == 100


def test_sigterm_ends_blocking_work_that_has_begun_other_work_in_its_callback(hosted, tmp_path):
    with hosted.client(journal=tmp_path / "x.db") as sms:
        for name in ("x", "y"):
            sms.bulk.plan(**TEXT_TO_MANY, destinations=drama(100), chunk_size=10, campaign=name)

        def kill(event):
            if event.accepted == 20:
                assert sms.bulk.work("y").accepted == 100
                os.kill(os.getpid(), signal.SIGTERM)

        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            report = sms.bulk.work("x", concurrency=1, progress=kill)
        finally:
            signal.signal(signal.SIGTERM, before)
        assert "stop was requested" in str(report.stopped)
        assert 20 <= report.accepted < 100


def test_sigterm_ends_blocking_work_too(hosted, tmp_path):
    with hosted.client(journal=tmp_path / "x.db") as sms:
        sms.bulk.plan(**TEXT_TO_MANY, destinations=drama(100), chunk_size=10, campaign="x")

        def kill(event):
            if event.accepted == 20:
                os.kill(os.getpid(), signal.SIGTERM)

        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            report = sms.bulk.work("x", concurrency=1, progress=kill)
        finally:
            signal.signal(signal.SIGTERM, before)
        assert report.accepted == 20
        assert "stop was requested" in str(report.stopped)
        assert sms.bulk.work("x").accepted == 100
