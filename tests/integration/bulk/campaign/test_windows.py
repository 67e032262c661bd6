"""Runs that wait for their sending window, or stop outside of it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from smsworks_async import NotSent, Phase, SendWindow, ValidationError
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.sandbox import Fault
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY, drama


LONDON = ZoneInfo("Europe/London")
DAY = SendWindow("09:00", "20:00")
STOP = SendWindow("09:00", "20:00", outside="stop")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


def wall(seconds):
    return datetime.fromtimestamp(seconds, LONDON).strftime("%Y-%m-%d %H:%M")


def clock_for(sms, text):
    clock = FakeClock(at(text))
    use_clock(sms, clock)
    return clock


@pytest.mark.parametrize(
    ("evening", "morning"),
    [
        ("2031-05-01 19:59:50", "2031-05-02 09:00"),
        ("2031-03-29 19:59:50", "2031-03-30 09:00"),  # the clocks go forward that night
        ("2031-10-25 19:59:50", "2031-10-26 09:00"),  # and back
    ],
)
@pytest.mark.parametrize("keeps", [True, False])
async def test_send_goes_on_in_the_morning(sms, box, evening, morning, keeps):
    clock = clock_for(sms, evening)
    told, sent = [], []

    def progress(event):
        told.append(event)
        if event.phase is Phase.SENDING and event.accepted > len(sent) * 10:
            sent.append(wall(clock()))
            clock.advance(8)

    more = {"journal": MemoryJournal(clock=clock), "campaign": "x"} if keeps else {}
    report = await sms.bulk.send(
        **TEXT_TO_MANY,
        destinations=drama(40),
        chunk_size=10,
        concurrency=1,
        window=DAY,
        progress=progress,
        **more,
    )
    assert (report.accepted, report.stopped) == (40, None)
    assert sent[0] == evening[:16]
    assert sent[-1] == morning
    assert all("09:00" <= time[11:] < "20:00" for time in sent)
    waits = [event for event in told if event.phase is Phase.WAITING_FOR_WINDOW]
    assert waits
    assert all(wall(event.until.timestamp()) == morning for event in waits)
    assert "09:00 to 20:00" in waits[0].waiting_for
    assert set(box.accepted_by_destination().values()) == {1}


@pytest.mark.parametrize("keeps", [True, False])
async def test_send_stops_outside_a_window_that_says_so(sms, box, keeps):
    clock = clock_for(sms, "2031-05-01 03:00")
    journal = MemoryJournal(clock=clock)
    more = {"journal": journal, "campaign": "x"} if keeps else {}
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(5), window=STOP, **more)
    assert (report.read, report.not_sent, box.accepted()) == (5, 5, 0)
    assert isinstance(report.stopped, NotSent)
    assert "outside its window" in str(report.stopped)
    assert "2031-05-01 08:00 UTC" in str(report.stopped)
    assert not clock.slept or sum(clock.slept) < 60


async def test_a_worker_that_is_restarted_at_night_sends_nothing(sms, box, tmp_path):
    """As by two processes: here two handles of one file."""
    clock = clock_for(sms, "2031-05-01 19:00")
    kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 10}
    first = SQLiteJournal(tmp_path / "journal.db", clock=clock)
    await sms.bulk.plan(
        sender="AcmeCorp",
        content=TEXT_TO_MANY["content"],
        destinations=drama(20),
        journal=first,
        campaign="x",
        chunk_size=10,
        window=STOP,
    )
    await first.claim_next("x", owner="killed", lease=5, round=0, after=-1, international=True)
    clock.advance(8 * 3600)
    second = SQLiteJournal(tmp_path / "journal.db", clock=clock)
    for journal in (first, second):
        report = await sms.bulk.send(**kept, journal=journal, settle=0)
        assert (report.accepted, report.unknown, report.not_sent) == (0, 10, 10)
    assert box.accepted() == 0
    clock.advance(6 * 3600)
    report = await sms.bulk.send(**kept, journal=second, settle=0)
    assert (report.accepted, report.unknown) == (10, 10)
    await first.close()
    await second.close()


async def test_a_repetition_is_not_made_after_the_window_has_closed(sms, box):
    clock = clock_for(sms, "2031-05-01 19:59")
    journal = MemoryJournal(clock=clock)
    box.add_fault(Fault(path="/batch/send", status=429, nth=1))
    finish = journal.controls

    async def later(campaign, round):
        clock.advance(120)
        return await finish(campaign, round)

    journal.controls = later
    report = await sms.bulk.send(
        **TEXT_TO_MANY, destinations=drama(5), journal=journal, campaign="x", window=STOP
    )
    assert (report.not_sent, box.accepted()) == (5, 0)


async def test_resume_changes_the_window_and_a_waiting_run_goes_on(sms, box):
    clock = clock_for(sms, "2031-05-01 21:00")
    journal = MemoryJournal(clock=clock)
    looks = []

    async def progress(event):
        if event.phase is Phase.WAITING_FOR_WINDOW and not looks:
            looks.append(event)
            await sms.bulk.resume("x", window=SendWindow("09:00", "23:00"), journal=journal)

    kept = {**TEXT_TO_MANY, "journal": journal, "campaign": "x"}
    report = await sms.bulk.send(**kept, destinations=drama(5), window=DAY, progress=progress)
    assert report.accepted == 5
    assert wall(clock())[11:13] == "21"


async def test_a_run_that_waits_for_its_window_ends_when_it_is_paused(sms, box):
    clock = clock_for(sms, "2031-05-01 21:00")
    journal = MemoryJournal(clock=clock)

    async def progress(event):
        if event.phase is Phase.WAITING_FOR_WINDOW:
            await sms.bulk.pause("x", journal=journal)

    report = await sms.bulk.send(
        **TEXT_TO_MANY,
        destinations=drama(5),
        journal=journal,
        campaign="x",
        window=DAY,
        progress=progress,
    )
    assert report.not_sent == 5
    assert "paused" in str(report.stopped)


async def test_send_refuses_another_window_for_a_campaign(sms, box):
    clock = clock_for(sms, "2031-05-01 12:00")
    kept = {**TEXT_TO_MANY, "journal": MemoryJournal(clock=clock), "campaign": "x"}
    box.add_fault(Fault(path="/batch/send", error_code=4021))
    await sms.bulk.send(**kept, destinations=drama(5), window=DAY)
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**kept, window=SendWindow("08:00", "20:00"))
    assert caught.value.field == "window"
    report = await sms.bulk.send(**kept)
    assert report.accepted == 5


@pytest.mark.parametrize("window", ["09:00-20:00", ("09:00", "20:00"), 9])
async def test_send_refuses_what_is_no_window(sms, window):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), window=window)
    assert caught.value.field == "window"
