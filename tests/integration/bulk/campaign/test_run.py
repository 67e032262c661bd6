"""Runs that are rate-limited, stopped, cancelled, expired or interrupted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    JournalError,
    ValidationError,
)
from smsworks_async.bulk.stream_source import StreamSource
from smsworks_async.journals import MemoryJournal, State
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.waiting import PATIENCE


@pytest.mark.parametrize("journalled", [False, True])
async def test_run_holds_a_chunk_back_after_a_429_for_longer_than_a_call_lasts(
    box, sms, journalled, monkeypatch, clock
):
    """It is not lost: all requests wait for the requested time, and it is sent again."""
    monkeypatch.setattr("smsworks_async.bulk.throttle.Throttle.acquire", acquire_without_waits)
    box.add_fault(Fault(path="/batch/send", nth=2, times=2, status=429, retry_after=600))
    more = {"journal": MemoryJournal(clock=clock), "campaign": "x"} if journalled else {}
    report = await sms.bulk.send(
        **TEXT, destinations=drama(50), chunk_size=10, concurrency=1, **more
    )
    assert report.accepted == box.accepted() == 50
    assert len(box.requests) == 7


async def acquire_without_waits(self):
    self._active += 1
    return 0


@pytest.mark.parametrize("journalled", [False, True])
async def test_run_takes_a_429_that_never_ends_for_a_refusal(box, sms, journalled, monkeypatch):
    monkeypatch.setattr("smsworks_async.bulk.throttle.Throttle.acquire", acquire_without_waits)
    box.add_fault(Fault(path="/batch/send", times=0, status=429, retry_after=600))
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    report = await sms.bulk.send(**TEXT, destinations=drama(10), **more)
    assert (report.rejected, len(box.requests)) == (10, 4)


async def test_run_that_is_cancelled_during_a_claim_returns_the_chunk(
    box, sms, kept, journal, monkeypatch
):
    starting, go_on = asyncio.Event(), asyncio.Event()
    claim_next = journal.claim_next

    async def slow(*args, **kwargs):
        starting.set()
        await go_on.wait()
        return await claim_next(*args, **kwargs)

    monkeypatch.setattr(journal, "claim_next", slow)
    task = asyncio.create_task(sms.bulk.send(**kept, destinations=drama(20)))
    await starting.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {entry.state for entry in await journal.chunks("x")} == {State.PENDING}
    assert box.requests == []
    assert (await sms.bulk.send(**kept)).accepted == 20


async def test_run_that_slept_through_its_lease_sends_nothing_then_and_all_of_it_later(
    box, sms, kept, monkeypatch
):
    leases = iter([0.0, 60.0])
    monkeypatch.setattr("smsworks_async.bulk.campaign.run.lease_for", lambda _: next(leases))
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(30))
    again = await sms.bulk.send(**kept)
    assert again.accepted == box.accepted() == 30
    assert set(box.accepted_by_destination().values()) == {1}
    assert report.adds_up


@pytest.mark.parametrize("journalled", [False, True])
async def test_run_ends_with_a_report_when_a_callback_raises(box, sms, journalled):
    def progress(_):
        raise ZeroDivisionError

    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **TEXT, destinations=drama(50), chunk_size=10, concurrency=2, progress=progress, **more
        )
    report = caught.value.report
    assert report.adds_up
    assert report.accepted == box.accepted() < 50
    if journalled:
        assert report.not_sent == 50 - report.accepted
        assert (await sms.bulk.send(**TEXT, chunk_size=10, **more)).accepted == 50


async def test_run_raises_the_error_of_an_iterable_after_it_was_stopped(box, sms):
    def people():
        yield from drama(600)
        raise ZeroDivisionError

    box.add_fault(Fault(path="*", error_code=4021))
    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**TEXT, destinations=people(), concurrency=1)
    assert caught.value.report.adds_up
    assert (caught.value.report.rejected, caught.value.report.not_sent) == (500, 100)
    assert caught.value.report.stopped is not None


async def test_run_ends_after_a_429_for_hours_and_says_so(box, sms):
    box.add_fault(Fault(path="/batch/send", nth=2, times=0, status=429, retry_after=86400))
    report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, concurrency=1)
    assert (report.accepted, report.rejected, report.not_sent) == (10, 10, 30)
    assert report.stopped.retry_after == 86400


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("paced", ["run", "client"])
async def test_run_ends_when_its_last_chunk_does_and_not_a_turn_later(box, journalled, paced):
    """One chunk at a rate of one in a thousand seconds: a second request would never be made."""
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    settings = {"max_rate": 0.001} if paced == "client" else {}
    if paced == "run":
        more["max_rate"] = 0.001
    async with (
        AsyncSMSWorks(box.token, base_url=box.base_url, **settings) as sms,
        asyncio.timeout(PATIENCE),
    ):
        report = await sms.bulk.send(**TEXT, destinations=drama(10), **more)
        assert report.accepted == 10


async def test_run_that_is_stopped_waits_for_no_turn(box, sms):
    box.add_fault(Fault(path="/batch/send", status=401, times=0))
    async with asyncio.timeout(PATIENCE):
        report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, max_rate=0.001)
    assert (report.rejected, report.not_sent) == (10, 40)


async def test_run_sends_a_half_that_is_requeued_while_another_worker_looks_for_the_end(
    box, sms, monkeypatch
):
    """A worker that checked before the split must not report that nothing is left."""
    split, looking = asyncio.Event(), asyncio.Event()

    async def slow_end():
        for number in drama(500):
            yield number
        looking.set()
        await split.wait()
        for _ in range(20):
            await asyncio.sleep(0)

    async def watch(self, chunk, put_back=StreamSource.split):
        await looking.wait()
        await put_back(self, chunk)
        split.set()

    monkeypatch.setattr(StreamSource, "split", watch)
    box.add_fault(Fault(path="/batch/send", error_code=4004))
    box.add_fault(Fault(path="/batch/send", nth=2, times=0, when="hold", delay=0.05))
    report = await sms.bulk.send(**TEXT, destinations=slow_end(), concurrency=2)
    assert report.accepted == box.accepted() == 500
    assert report.adds_up


async def test_run_reports_an_iterable_that_raises_cancelled_error(box, sms):
    async def people():
        for number in drama(500):
            yield number
        raise asyncio.CancelledError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**TEXT, destinations=people())
    assert caught.value.report.accepted == box.accepted() == 500
    assert caught.value.report.adds_up


async def test_status_makes_no_journal_at_a_misspelt_path(sms, tmp_path):
    with pytest.raises(JournalError, match="no journal at this path"):
        await sms.bulk.status("x", journal=tmp_path / "typo.db")
    assert list(tmp_path.iterdir()) == []


async def test_send_refuses_a_time_where_nothing_is_scheduled(box, sms):
    at = datetime(2050, 1, 1, tzinfo=UTC)
    message = {**TEXT, "destination": "07700 900001", "at": at}
    for send in (
        lambda: sms.messages.send(**message),
        lambda: sms.messages.flash(**message),
        lambda: sms.batches.send(**TEXT, destinations=drama(2), at=at),
        lambda: sms.bulk.send_each(messages=[{**TEXT, "destination": "07700 900001"}], at=at),
        lambda: sms.bulk.plan_each(campaign="x", messages=[], at=at),
    ):
        with pytest.raises(TypeError, match="'at'"):
            await send()
    with pytest.raises(ValidationError, match="no field at"):
        await sms.batches.send_each(messages=[message])
    assert (await sms.bulk.send_each(messages=[message])).invalid == 1
    assert box.requests == []
