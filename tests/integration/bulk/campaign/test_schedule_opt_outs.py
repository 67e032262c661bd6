"""Opt-outs after a batch was scheduled: it is cancelled, and scheduled again without them."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from smsworks_async import AsyncSMSWorks, BulkInterrupted, ConfigurationError, OptOuts
from smsworks_async.journals import MemoryJournal, recalls
from smsworks_async.sandbox import Fault
from support.messages import drama
from support.schedules import deletes, due_or_gone, statuses
from support.waiting import when_held


DELETE = {"path": "/batches/schedule/*", "method": "DELETE"}
SCHEDULE = {"path": "/batch/schedule"}
STOPPED = "447700900003"


async def again(scheduling, how):
    """Run the method that respects later opt-outs."""
    if how == "send":
        return await scheduling.sms.bulk.send(**scheduling.kept, settle=0)
    return await scheduling.sms.bulk.reconcile("x", journal=scheduling.journal, settle=0)


@pytest.mark.parametrize("how", ["send", "reconcile"])
async def test_a_batch_is_cancelled_and_scheduled_again_without_them(scheduling, how):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    await scheduling.opt_out(STOPPED, "447700900999")
    report = await again(scheduling, how)
    assert (report.accepted, report.opted_out, report.adds_up) == (24, 1, True)
    assert (report.too_late, deletes(box)) == ((), 1)
    assert statuses(box) == {"SCHEDULED": 24, "CANCELLED": 10}
    # Nothing changes without new opt-outs.
    requests = len(box.requests)
    assert (await again(scheduling, how)).accepted == 24
    assert len(box.requests) == requests
    await box.advance(4000)
    assert set(due_or_gone(box).values()) == {1}
    assert STOPPED not in due_or_gone(box)
    assert len(due_or_gone(box)) == 24
    # Recipients who opt out afterwards were texted correctly.
    await scheduling.opt_out("447700900004")
    report = await again(scheduling, how)
    assert (report.accepted, report.too_late, deletes(box)) == (24, (), 1)


async def test_a_batch_of_which_nobody_is_left_is_cancelled_alone(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(12))
    await scheduling.opt_out("447700900010", "447700900011")
    report = await again(scheduling, "send")
    assert (report.accepted, report.opted_out) == (10, 2)
    assert statuses(box) == {"SCHEDULED": 10, "CANCELLED": 2}
    assert await scheduling.states() == ["accepted", "skipped"]


async def test_a_campaign_that_does_not_respect_opt_outs_leaves_them_in(scheduling):
    sms, kept = scheduling.sms, scheduling.kept
    await sms.bulk.send(**kept, destinations=drama(5), respect_opt_outs=False)
    await scheduling.opt_out(STOPPED)
    for how in ("send", "reconcile"):
        assert (await again(scheduling, how)).accepted == 5
    assert deletes(scheduling.box) == 0


async def test_it_is_named_where_it_is_too_late(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    box.add_fault(Fault(**DELETE, when="late"))
    await scheduling.opt_out(STOPPED)
    held = asyncio.Event()
    when_held(box, held.set)
    sending = asyncio.create_task(again(scheduling, "send"))
    await held.wait()
    await box.advance(3600)
    box.release()
    report = await sending
    assert (report.accepted, report.opted_out) == (25, 0)
    [late] = report.too_late
    assert (late.number, late.destinations, late.error) == (0, (STOPPED,), None)
    events = [event.what for event in await scheduling.journal.events("x", 0)]
    assert events[-2:] == ["to be scheduled again", "too late to cancel"]
    # Later runs still report exactly them.
    await box.advance(100)
    await scheduling.opt_out("447700900004")
    for how in ("send", "reconcile"):
        [late] = (await again(scheduling, how)).too_late
        assert late.destinations == (STOPPED,)
    assert set(due_or_gone(box).values()) == {1}


async def test_nobody_tried_in_time_and_it_is_named(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(5))
    await scheduling.opt_out(STOPPED)
    await scheduling.box.advance(4000)
    [late] = (await again(scheduling, "send")).too_late
    assert late.destinations == (STOPPED,)
    assert deletes(scheduling.box) == 0


async def test_whoever_replies_stop_again_to_a_text_that_came_too_late_is_still_named(scheduling):
    """Of the two replies, the first came before the messages were due, and the last after."""
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(5))
    for message_id in ("first", "again"):
        reply = {"source": "reply", "message_id": message_id}
        await scheduling.journal.record_opt_out(STOPPED, "out", **reply)
        await scheduling.box.advance(4000)
    [late] = (await again(scheduling, "send")).too_late
    assert late.destinations == (STOPPED,)


async def test_whoever_was_in_when_the_messages_were_due_is_not_named(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(5))
    for change in ("out", "in"):
        await scheduling.journal.record_opt_out(STOPPED, change, source="test")
    await scheduling.box.advance(4000)
    await scheduling.opt_out(STOPPED)
    assert (await again(scheduling, "send")).too_late == ()


@pytest.mark.parametrize("how", ["send", "reconcile"])
@pytest.mark.parametrize("when", ["before", "after", "mid"])
@pytest.mark.parametrize("operation", ["DELETE", "POST"])
async def test_nobody_is_scheduled_twice_wherever_an_answer_is_lost(
    scheduling, operation, when, how
):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    await scheduling.opt_out(STOPPED)
    box.add_fault(Fault(**(DELETE if operation == "DELETE" else SCHEDULE), when=when))
    for _ in range(2):
        report = await again(scheduling, how)
        assert report.adds_up
        assert max(due_or_gone(box).values()) == 1
        assert STOPPED not in due_or_gone(box)
    if operation == "DELETE" or when != "before":
        assert (report.accepted, report.opted_out, report.unknown) == (24, 1, 0)
        assert len(due_or_gone(box)) == 24
    else:
        assert (report.accepted, report.unknown) == (15, 9)


async def test_a_batch_of_which_nothing_is_known_is_not_scheduled_again(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    await scheduling.opt_out(STOPPED)
    # The first DELETE is executed, and its result cannot be read.
    box.add_fault(Fault(**DELETE, when="after", status=500, times=0))
    box.add_fault(Fault(path="/messages/schedule", status=503, times=0))
    box.add_fault(Fault(path="/batch/*", method="GET", status=503, times=0))
    report = await again(scheduling, "send")
    assert (report.accepted, report.opted_out) == (25, 0)
    [late] = report.too_late
    assert late.destinations == (STOPPED,)
    assert late.error is not None
    assert statuses(box) == {"SCHEDULED": 15, "CANCELLED": 10}
    box.clear_faults()
    report = await again(scheduling, "send")
    assert (report.accepted, report.opted_out, report.too_late) == (24, 1, ())
    assert set(due_or_gone(box).values()) == {1}


class Died(BaseException):
    """The process is killed."""


@pytest.mark.parametrize("step", ["begin_recall", "confirm_cancelled", "claim_next"])
async def test_a_process_that_ends_in_between_leaves_nobody_out(scheduling, monkeypatch, step):
    """Also if the recipient has opted in again before the next run."""
    box, journal = scheduling.box, scheduling.journal
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(10))
    await scheduling.opt_out(STOPPED)
    before, after = step != "begin_recall", getattr(journal, step)

    async def dies(*args, **kwargs):
        if not before:
            await after(*args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(journal, step, dies)
        with pytest.raises(Died):
            await again(scheduling, "send")
    await journal.record_opt_out(STOPPED, "in", source="test")
    await scheduling.opt_out("447700900998")  # in no batch
    report = await again(scheduling, "send")
    assert (report.accepted, report.opted_out) == (10, 0)
    assert set(due_or_gone(box).values()) == {1}
    assert len(due_or_gone(box)) == 10


async def test_two_processes_schedule_a_batch_again_once(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(50))
    await scheduling.opt_out(STOPPED, "447700900033")
    reports = await asyncio.gather(*[again(scheduling, "send") for _ in range(4)])
    assert {report.accepted for report in reports} == {48}
    assert set(due_or_gone(box).values()) == {1}
    assert len(due_or_gone(box)) == 48


async def test_a_cancel_in_the_middle_of_it_wins(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(20))
    await scheduling.opt_out(STOPPED)
    box.add_fault(Fault(**DELETE, when="hold"))
    held = asyncio.Event()
    when_held(box, held.set)
    sending = asyncio.create_task(again(scheduling, "send"))
    await held.wait()
    await scheduling.journal.steer("x", "cancel")
    box.release()
    report = await sending
    assert (report.accepted, report.not_sent) == (0, 20)
    assert due_or_gone(box) == {}


async def test_reconcile_leaves_it_to_send_where_more_is_to_be_sent(scheduling):
    box, sms = scheduling.box, scheduling.sms

    def stop(progress):
        if progress.accepted:
            raise RuntimeError

    kept = {**scheduling.kept, "concurrency": 1}
    with pytest.raises(BulkInterrupted):
        await sms.bulk.send(**kept, destinations=drama(30), progress=stop)
    await scheduling.opt_out(STOPPED)
    report = await again(scheduling, "reconcile")
    assert (report.accepted, report.not_sent, due_or_gone(box)) == (0, 30, {})
    report = await again(scheduling, "send")
    assert (report.accepted, report.opted_out) == (29, 1)


async def test_reconcile_with_another_list_is_refused(scheduling, tmp_path):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(5))
    async with (
        OptOuts(tmp_path / "other.db") as other,
        AsyncSMSWorks("eyJ", base_url=scheduling.box.base_url, opt_outs=other) as stranger,
    ):
        with pytest.raises(ConfigurationError, match="a different opt-out list"):
            await stranger.bulk.reconcile("x", journal=scheduling.journal, settle=0)
    assert deletes(scheduling.box) == 0


async def test_a_restored_journal_does_not_schedule_again_what_may_have_been(scheduling):
    """The copy was made before a batch was cancelled and scheduled again: it has the first
    batch."""
    box, sms = scheduling.box, scheduling.sms
    journal = MemoryJournal(clock=scheduling.journal.clock)
    scheduling = attrs.evolve(scheduling, journal=journal)
    await sms.bulk.send(**scheduling.kept, destinations=drama(10))
    await scheduling.opt_out(STOPPED)
    [known] = await journal.chunks("x")
    await again(scheduling, "send")
    tables = journal.store.campaigns[0]
    tables.records[0] = known
    tables.events = [e for e in tables.events if e.what != recalls.BATCH_CANCELLED]
    await sms.bulk.reconcile("x", journal=journal, settle=0, restored=True)
    for how in ("send", "reconcile"):
        await again(scheduling, how)
    assert max(due_or_gone(box).values()) == 1
    report = await sms.bulk.reconcile("x", journal=journal, settle=0, restored=True)
    assert report.adds_up
    assert max(due_or_gone(box).values()) == 1
