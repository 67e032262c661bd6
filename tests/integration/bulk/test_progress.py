"""Progress: regular reports in every phase, and no secrets in the log."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from smsworks_async import AsyncSMSWorks, BulkInterrupted, Outcome, Phase
from smsworks_async.bulk import progress as progress_module
from smsworks_async.journals import MemoryJournal
from smsworks_async.journals.records import Command
from smsworks_async.sandbox import Fault, Sandbox
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.sandboxes import AT_ONCE
from support.waiting import until, when_held


EVERY_PHASE_OF_A_RESEND = {
    Phase.PLANNING,
    Phase.SENDING,
    Phase.WAITING_FOR_OTHERS,
    Phase.RECONCILING,
    Phase.WAITING_TO_RESEND,
}


class Listener:
    """A callback that records when it was called."""

    def __init__(self, clock):
        self._clock = clock
        self.told = []
        self.at = []

    def __call__(self, progress):
        self.told.append(progress)
        self.at.append(self._clock())

    @property
    def gaps(self):
        return [later - before for before, later in zip(self.at, self.at[1:], strict=False)]

    @property
    def phases(self):
        return {progress.phase for progress in self.told}


async def kill(journal, chunks, lease):
    """Leave chunks as if a process was killed while sending them."""
    await journal.steer("x", Command.LIFT)
    for _ in range(chunks):
        await journal.claim_next(
            "x", owner="killed", lease=lease, round=0, after=-1, international=True
        )


async def test_progress_of_a_killed_campaign_of_40_000_is_never_silent_for_long():
    async with (
        Sandbox(credits=1e6, flooding=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        clock = FakeClock()
        use_clock(sms, clock)
        kept = {
            **TEXT,
            "destinations": drama(1000) * 40,
            "deduplicate": False,
            "journal": MemoryJournal(clock=clock),
            "campaign": "x",
        }
        box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
        await sms.bulk.send(**kept)
        box.clear_faults()
        await kept["journal"].reopen("x", 0)
        await kill(kept["journal"], 4, lease=38.5)
        listener = Listener(clock)
        began = clock()
        report = await sms.bulk.send(**kept, on_unknown="resend", progress=listener)
    assert (report.accepted, report.adds_up) == (40_000, True)
    assert clock() - began > 60
    assert max(listener.gaps) <= 2.0
    assert listener.phases == EVERY_PHASE_OF_A_RESEND
    waits = [p for p in listener.told if p.phase is Phase.WAITING_FOR_OTHERS]
    assert len(waits) >= 30
    assert all(p.waiting_for and p.until is not None for p in waits)
    assert all(p.planned == 40_000 for p in listener.told if p.phase is not Phase.PLANNING)
    assert listener.told[-1].accepted == 40_000


async def test_progress_is_reported_once_a_second_while_planning(sms):
    clock = FakeClock()
    use_clock(sms, clock)

    def people():
        for number in drama(1000) * 10:
            clock.advance(0.001)
            yield number

    listener = Listener(clock)
    await sms.bulk.send(
        **TEXT,
        destinations=people(),
        journal=MemoryJournal(clock=clock),
        campaign="x",
        progress=listener,
    )
    planning = [p for p in listener.told if p.phase is Phase.PLANNING]
    assert 8 <= len(planning) <= 12
    reads = [p.read for p in planning]
    assert reads == sorted(reads)
    assert reads[-1] > 8000
    assert planning[-1].duplicates > 7000
    assert {p.planned for p in planning} == {None}
    assert max(listener.gaps[: len(planning)]) <= 2.0


async def test_progress_is_reported_during_requests_that_take_long(box, sms, monkeypatch):
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    box.add_fault(Fault(path="*", when="hold", times=0))
    told = []
    task = asyncio.create_task(
        sms.bulk.send(
            **TEXT, destinations=drama(20), chunk_size=10, concurrency=1, progress=told.append
        )
    )
    await until(lambda: len(told) > 3)
    assert {p.phase for p in told} == {Phase.SENDING}
    assert told[-1].in_flight == 10
    box.clear_faults()
    box.release()
    assert (await task).accepted == 20


@pytest.mark.parametrize("why", ["rate", "pause"])
async def test_progress_says_what_a_run_waits_for(box, sms, monkeypatch, why):
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    if why == "pause":
        box.add_fault(Fault(path="*", nth=1, status=429, retry_after=500))
    told = []
    more = {"max_rate": 0.001} if why == "rate" else {}
    task = asyncio.create_task(
        sms.bulk.send(
            **TEXT,
            destinations=drama(20),
            chunk_size=10,
            concurrency=1,
            progress=told.append,
            **more,
        )
    )
    await until(lambda: any(p.phase is Phase.WAITING_FOR_RATE for p in told))
    last = told[-1]
    assert "rate" in last.waiting_for if why == "rate" else "pause" in last.waiting_for
    assert (last.until is not None) == (why == "pause")
    assert last.in_flight == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("phase", sorted(EVERY_PHASE_OF_A_RESEND))
@pytest.mark.parametrize("awaited", [False, True])
async def test_progress_callback_that_raises_in_any_phase_ends_the_run_with_a_report(
    box, sms, kept, phase, awaited
):
    journal = kept["journal"]
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    await sms.bulk.send(**kept, destinations=drama(40))
    box.clear_faults()
    await journal.reopen("x", 0)
    await kill(journal, 1, lease=38.5)
    bug = RuntimeError("mine")

    def fail(progress):
        if progress.phase is phase:
            raise bug

    async def fail_later(progress):
        await asyncio.sleep(0)
        fail(progress)

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **kept,
            destinations=drama(40),
            on_unknown="resend",
            progress=fail_later if awaited else fail,
        )
    assert caught.value.__cause__ is bug
    assert caught.value.report.adds_up
    assert caught.value.report.accepted == box.accepted()
    again = await sms.bulk.send(**kept, on_unknown="resend")
    assert again.accepted == box.accepted() == 40


def test_progress_of_the_blocking_client_is_reported_on_the_callers_thread(hosted, tmp_path):
    threads, phases = set(), set()

    def progress(now):
        threads.add(threading.get_ident())
        phases.add(now.phase)

    with hosted.client() as sms:
        sms.bulk.send(
            **TEXT,
            destinations=drama(30),
            journal=tmp_path / "x.db",
            campaign="x",
            progress=progress,
        )
    assert threads == {threading.get_ident()}
    assert phases == {Phase.PLANNING, Phase.SENDING}


# Cancelled without a journal


async def test_send_that_is_cancelled_carries_its_report(box, sms):
    box.add_fault(Fault(path="*", nth=3, when="hang", times=0))
    task = asyncio.create_task(
        sms.bulk.send(**TEXT, destinations=[*drama(100), "nobody"], chunk_size=10, concurrency=2)
    )
    await until(lambda: len(box.requests) >= 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    report = caught.value.report
    assert (report.accepted, report.unknown, report.rejected) == (20, 20, 0)
    assert report.adds_up
    unknown = [batch for batch in report.batches if batch.outcome is Outcome.UNKNOWN]
    assert {number for batch in unknown for number in batch.destinations} == {
        f"447700900{n:03d}" for n in range(20, 40)
    }


async def test_send_that_times_out_carries_its_report_on_the_cause(box, sms):
    box.add_fault(Fault(path="*", when="hang", times=0))
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(None) as scope:
            when_held(box, lambda: scope.reschedule(0))
            await sms.bulk.send(**TEXT, destinations=drama(10))
    # In Python 3.11.2 a time-out has the cancellation as its context alone.
    cancelled = caught.value.__cause__ or caught.value.__context__
    assert cancelled.report.unknown == 10


def test_send_of_the_blocking_client_carries_its_report_after_ctrl_c(hosted):
    class Interrupted(KeyboardInterrupt):
        pass

    def people():
        yield from drama(600)
        raise Interrupted

    with hosted.client() as sms, pytest.raises(KeyboardInterrupt) as caught:
        sms.bulk.send(**TEXT, destinations=people(), concurrency=1, chunk_size=100)
    report = caught.value.report
    assert report.adds_up
    assert report.accepted + report.unknown + report.not_sent == report.read
    assert (
        report.accepted
        <= hosted.do(lambda box: box.accepted())
        <= (report.accepted + report.unknown)
    )


# The log


def words(caplog, level):
    return [r.getMessage() for r in caplog.records if r.levelno == level]


async def test_log_has_phases_and_unknown_chunks_without_a_number_a_text_or_a_token(
    box, sms, kept, journal, caplog
):
    caplog.set_level(logging.DEBUG, logger="smsworks_async.bulk")
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    await sms.bulk.send(**kept, destinations=drama(60))
    box.clear_faults()
    await journal.reopen("x", 0)
    await kill(journal, 1, lease=38.5)
    box.add_fault(Fault(path="/batch/send", nth=2, when="before"))
    box.add_fault(Fault(path="/batch/send", nth=3, when="after"))
    await sms.bulk.send(**kept, on_unknown="resend")
    phases = words(caplog, logging.INFO)
    for phase in EVERY_PHASE_OF_A_RESEND:
        assert f"campaign x: {phase}" in phases
    doubts = "\n".join(words(caplog, logging.WARNING))
    assert "of 10 recipients is unknown: OutcomeUnknown" in doubts
    assert "its lease expired" in doubts
    everything = "\n".join(r.getMessage() for r in caplog.records)
    for secret in ("7700", TEXT["content"], box.token):
        assert secret not in everything
    assert all(record.exc_info is None for record in caplog.records)


async def test_log_has_a_trace_once(box, sms, kept, journal, caplog):
    box.add_fault(Fault(path="/batch/send", when="after"))
    box.change_storage(show_batch_ids=False)
    report = await sms.bulk.send(**kept, destinations=drama(10))
    assert report.unknown == 10
    traces = [line for line in words(caplog, logging.WARNING) if "trace" in line]
    (trace,) = traces
    assert trace.startswith("campaign x: chunk 0 of 10 recipients has left a trace")


async def test_log_has_unknown_chunks_of_a_run_without_a_journal_too(box, sms, caplog):
    box.add_fault(Fault(path="*", when="before"))
    await sms.bulk.send(**TEXT, destinations=drama(10))
    (line,) = words(caplog, logging.WARNING)
    assert line == "bulk run: chunk 0 of 10 recipients is unknown: OutcomeUnknown"


async def test_progress_until_is_none_for_a_wait_that_no_date_can_hold():
    reporter = progress_module.Reporter(print)
    reporter._note(Phase.WAITING_FOR_OTHERS, "others", 1e300)
    assert reporter.progress().until is None
