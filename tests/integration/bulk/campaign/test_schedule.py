"""Scheduled campaigns: when they are sent, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsworks_async import NotSent, SendWindow, ValidationError
from smsworks_async.journals import State
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.schedules import due_or_gone, statuses


async def test_a_scheduled_campaign_goes_out_at_its_time(scheduling):
    box, sms = scheduling.box, scheduling.sms
    report = await sms.bulk.send(**scheduling.kept, destinations=drama(25))
    assert (report.accepted, report.all_accepted, report.too_late) == (25, True, ())
    assert statuses(box) == {"SCHEDULED": 25}
    assert {job.schedule for job in await sms.messages.scheduled()} == {scheduling.at}
    status = await scheduling.status()
    assert (status.at, status.scheduled, status.state) == (scheduling.at, 25, "running")
    assert not status.settled
    await box.advance(3700)
    assert statuses(box) == {"DELIVERED": 25}
    status = await scheduling.status()
    assert (status.scheduled, status.state, status.settled) == (0, "done", True)
    # Repeated, it schedules nothing, although its time is past.
    assert (await sms.bulk.send(**scheduling.kept)).accepted == 25
    assert len(box.messages) == 25


async def test_a_campaign_is_planned_for_a_time_and_sent_for_the_same(scheduling):
    sms, kept = scheduling.sms, scheduling.kept
    plan = {name: value for name, value in kept.items() if name != "concurrency"}
    status = await sms.bulk.plan(**plan, destinations=drama(15))
    assert (status.at, status.scheduled, status.not_sent) == (scheduling.at, 0, 15)
    assert scheduling.box.messages == []
    for other in (None, scheduling.at + timedelta(seconds=1)):
        with pytest.raises(ValidationError, match="was begun with at=") as caught:
            await sms.bulk.send(**{**kept, "at": other})
        assert caught.value.field == "at"
    assert (await sms.bulk.send(**kept)).accepted == 15
    assert statuses(scheduling.box) == {"SCHEDULED": 15}


async def test_a_run_without_a_journal_is_scheduled_too(scheduling):
    box, sms, at = scheduling.box, scheduling.sms, scheduling.at
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(600), at=at)
    assert (report.accepted, statuses(box)) == (600, {"SCHEDULED": 600})
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(5), at=at - timedelta(hours=1, seconds=61)
        )
    assert (caught.value.field, caught.value.code) == ("at", 4009)
    assert len(box.messages) == 600


@pytest.mark.parametrize("call", ["send", "plan"])
async def test_a_time_that_is_past_or_outside_the_window_is_refused(scheduling, call):
    sms, at = scheduling.sms, scheduling.at
    kept = {name: value for name, value in scheduling.kept.items() if name != "concurrency"}
    run = getattr(sms.bulk, call)
    window = SendWindow("09:00", "10:00", tz="UTC")
    for wrong in (
        {"at": at - timedelta(hours=1, seconds=61)},
        {"window": window, "at": at.replace(hour=10, minute=0, second=0)},
        {"at": at.replace(tzinfo=None)},
        {"at": "2031-01-01"},
        {"at": float("nan")},
    ):
        with pytest.raises(ValidationError) as caught:
            await run(**{**kept, **wrong}, destinations=drama(5))
        assert caught.value.field == "at"
    assert (scheduling.box.requests, await scheduling.journal.campaign_ids()) == ([], [])


async def test_batches_are_scheduled_outside_the_window_for_a_time_within_it(scheduling):
    window = SendWindow("13:00", "13:30", tz="UTC")
    assert not window.is_open(scheduling.box.now)
    report = await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(5), window=window)
    assert report.accepted == 5
    with pytest.raises(ValidationError, match="is outside it") as caught:
        await scheduling.sms.bulk.resume(
            "x", journal=scheduling.journal, window=SendWindow("09:00", "10:00", tz="UTC")
        )
    assert caught.value.field == "window"


async def test_chunks_that_are_left_when_the_time_is_over_are_not_sent(scheduling):
    box, sms = scheduling.box, scheduling.sms
    box.add_fault(Fault(path="/batch/schedule", error_code=4021, nth=2, times=0))
    kept = {**scheduling.kept, "concurrency": 1}
    report = await sms.bulk.send(**kept, destinations=drama(30))
    assert (report.accepted, report.rejected + report.not_sent) == (10, 20)
    box.clear_faults()
    await box.advance(3600 + 61)
    report = await sms.bulk.send(**kept)
    assert (report.accepted, report.not_sent) == (10, 20)
    assert isinstance(report.stopped, NotSent)
    assert "past the time of its messages, 2050-07-01 13:00 UTC" in str(report.stopped)
    assert sum(due_or_gone(box).values()) == 10


async def test_follow_waits_for_the_time_and_yields_everybody_once(scheduling):
    sms, box = scheduling.sms, scheduling.box
    await sms.bulk.send(**scheduling.kept, destinations=drama(25))
    before = len(box.requests)
    records = [record async for record in sms.bulk.follow("x", journal=scheduling.journal)]
    assert {record.status for record in records} == {"DELIVERED"}
    assert len({record.destination for record in records}) == len(records) == 25
    # Batches are polled when they are due, and not before.
    assert {request.at >= scheduling.at for request in box.requests[before:]} == {True}


async def test_follow_yields_those_who_were_cancelled(scheduling):
    sms = scheduling.sms
    await sms.bulk.send(**scheduling.kept, destinations=drama(15))
    await scheduling.cancel()
    records = [record async for record in sms.bulk.follow("x", journal=scheduling.journal)]
    assert [record.status for record in records] == ["CANCELLED"] * 15


async def test_follow_forgets_a_batch_that_was_scheduled_again_without_somebody(scheduling):
    sms, journal = scheduling.sms, scheduling.journal
    await sms.bulk.send(**scheduling.kept, destinations=drama(10))
    sleep, turns = scheduling.box.advance, []

    async def sleeping(seconds):
        turns.append(seconds)
        if len(turns) == 3:
            await journal.record_opt_out("447700900003", "out", source="test")
            await sms.bulk.send(**scheduling.kept)
        await sleep(seconds)

    sms.clock.replace(sleep=sleeping)
    records = [record async for record in sms.bulk.follow("x", journal=journal)]
    assert {record.status for record in records} == {"DELIVERED"}
    assert len({record.destination for record in records}) == len(records) == 9


async def test_a_round_of_retry_undelivered_is_sent_at_once(scheduling):
    sms, box = scheduling.sms, scheduling.box
    await sms.bulk.send(**scheduling.kept, destinations=["07700 900506", *drama(4)])
    await box.advance(3600 + 3600)
    report = await sms.bulk.retry_undelivered("x", journal=scheduling.journal)
    assert (report.read, report.accepted) == (1, 1)
    assert due_or_gone(box)["447700900506"] == 2
    states = {chunk.state for chunk in await scheduling.journal.chunks("x")}
    assert states == {State.ACCEPTED}
