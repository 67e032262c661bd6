"""Scheduled campaigns that are cancelled: in time, too late, and with lost responses."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from smsworks_async import Outcome, ValidationError
from smsworks_async.sandbox import Fault
from support.messages import drama
from support.schedules import deletes, due_or_gone, statuses
from support.waiting import until, when_held


DELETE = {"path": "/batches/schedule/*", "method": "DELETE"}


async def test_cancel_cancels_every_scheduled_batch(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    report = await scheduling.cancel(why="a mistake")
    assert (report.accepted, report.not_sent, report.adds_up) == (0, 25, True)
    assert report.too_late == ()
    assert statuses(scheduling.box) == {"CANCELLED": 25}
    assert await scheduling.states() == ["cancelled"] * 3
    status = await scheduling.status()
    assert (status.state, status.scheduled, status.settled) == ("cancelled", 0, True)
    assert [event.what for event in await scheduling.journal.events("x", 0)][-1] == (
        "batch cancelled"
    )
    # Repeated, there is nothing left to cancel, and nothing is scheduled.
    before = deletes(scheduling.box)
    assert (await scheduling.cancel()).not_sent == 25
    assert (await scheduling.sms.bulk.send(**scheduling.kept)).not_sent == 25
    assert deletes(scheduling.box) == before
    await scheduling.box.advance(4000)
    assert due_or_gone(scheduling.box) == {}


async def test_cancel_names_a_batch_that_has_gone_meanwhile(scheduling):
    box, sms = scheduling.box, scheduling.sms
    await sms.bulk.send(**scheduling.kept, destinations=drama(25))
    box.add_fault(Fault(**DELETE, when="late", nth=2))
    cancelling = asyncio.create_task(scheduling.cancel())
    await until(lambda: statuses(box)["CANCELLED"] == 15)
    await box.advance(3600)
    box.release()
    report = await cancelling
    assert (report.accepted, report.not_sent, report.adds_up) == (10, 15, True)
    [late] = report.too_late
    assert (late.number, late.outcome, late.error) == (1, Outcome.ACCEPTED, None)
    assert late.destinations == tuple(f"4477009000{n}" for n in range(10, 20))
    assert await scheduling.states() == ["cancelled", "accepted", "cancelled"]


async def test_cancel_after_the_time_names_all_of_them(scheduling):
    box, sms = scheduling.box, scheduling.sms
    await sms.bulk.send(**scheduling.kept, destinations=drama(15))
    await box.advance(3605)  # by the journal's clock it may still be in time
    report = await scheduling.cancel()
    assert (report.accepted, report.not_sent, report.adds_up) == (15, 0, True)
    late = report.too_late
    assert [(one.outcome, one.size, one.error) for one in late] == [
        (Outcome.ACCEPTED, 10, None),
        (Outcome.ACCEPTED, 5, None),
    ]
    assert late[1].destinations == tuple(f"4477009000{n}" for n in range(10, 15))
    assert await scheduling.states() == ["accepted"] * 2


async def test_a_scheduled_campaign_is_forgotten_after_its_time_or_its_cancel(scheduling):
    sms, journal = scheduling.sms, scheduling.journal
    await sms.bulk.send(**scheduling.kept, destinations=drama(15))
    with pytest.raises(ValidationError, match="15 recipients are scheduled"):
        await sms.bulk.forget("x", journal=journal)
    assert await sms.bulk.prune(before=timedelta(0), journal=journal) == []
    await scheduling.cancel()
    await sms.bulk.forget("x", journal=journal)
    details = {event.what: event.detail for event in await journal.events("x", 0)}
    assert details["batch cancelled"] == (await journal.chunks("x"))[0].batch_id


async def test_a_campaign_whose_time_is_over_is_done_and_not_cancelled(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(15))
    await scheduling.box.advance(3661)
    with pytest.raises(ValidationError, match="is done") as caught:
        await scheduling.cancel()
    assert caught.value.field == "campaign"
    assert deletes(scheduling.box) == 0


@pytest.mark.parametrize("when", ["before", "after", "mid"])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_lost_answer_to_a_delete_is_repeated_and_read_back(scheduling, when, nth):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    box.add_fault(Fault(**DELETE, when=when, nth=nth))
    report = await scheduling.cancel()
    assert (report.not_sent, report.too_late) == (25, ())
    assert statuses(box) == {"CANCELLED": 25}


@pytest.mark.parametrize("answer", [{"error_code": 4008}, {"status": 500}, {"body": "<html>"}])
async def test_a_delete_that_is_refused_is_read_back(scheduling, answer):
    """As if the first DELETE was executed, its response lost, and the second one rejected."""
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(10))
    box.add_fault(Fault(**DELETE, when="after", **answer, times=0))
    report = await scheduling.cancel()
    assert (report.not_sent, report.too_late) == (10, ())
    assert statuses(box) == {"CANCELLED": 10}


async def test_every_fifth_answer_to_a_delete_is_lost(scheduling):
    box = scheduling.box
    box.add_fault(Fault(**DELETE, when="after", every=5))
    kept = {**scheduling.kept, "chunk_size": 10, "concurrency": 8}
    await scheduling.sms.bulk.send(**kept, destinations=drama(1000))
    report = await scheduling.cancel()
    assert (report.not_sent, report.accepted, report.too_late) == (1000, 0, ())
    assert statuses(box) == {"CANCELLED": 1000}


async def test_a_batch_of_which_nothing_is_known_stays_accepted_until_it_is(scheduling):
    box = scheduling.box
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(20))
    box.add_fault(Fault(**DELETE, status=503, times=0))
    box.add_fault(Fault(path="/messages/schedule", status=503, times=0))
    report = await scheduling.cancel()
    assert (report.accepted, report.not_sent) == (20, 0)
    assert [one.size for one in report.too_late] == [10, 10]
    assert all(one.error is not None for one in report.too_late)
    assert (await scheduling.status()).state == "cancelled"
    assert statuses(box) == {"SCHEDULED": 20}
    box.clear_faults()
    report = await scheduling.cancel()
    assert (report.accepted, report.not_sent, report.too_late) == (0, 20, ())


@pytest.mark.parametrize("again", ["reconcile", "send"])
async def test_reconcile_and_send_cancel_what_a_killed_cancel_left(scheduling, again):
    box, sms, journal = scheduling.box, scheduling.sms, scheduling.journal
    await sms.bulk.send(**scheduling.kept, destinations=drama(20))
    await journal.steer("x", "cancel")
    if again == "send":
        report = await sms.bulk.send(**scheduling.kept)
    else:
        report = await sms.bulk.reconcile("x", journal=journal, settle=0)
    assert (report.not_sent, statuses(box)) == (20, {"CANCELLED": 20})


async def test_whoever_finishes_after_the_cancel_cancels_it_too(scheduling):
    box, sms = scheduling.box, scheduling.sms
    box.add_fault(Fault(path="/batch/schedule", when="hold", times=0))
    run = asyncio.create_task(sms.bulk.send(**scheduling.kept, destinations=drama(40)))
    await until(lambda: len(box.requests) >= 2)
    report = await scheduling.cancel()
    assert (report.unknown, report.not_sent) == (20, 20)
    box.clear_faults()
    box.release()
    report = await run
    assert (report.accepted, report.not_sent, report.adds_up) == (0, 40, True)
    assert statuses(box) == {"CANCELLED": 20}


async def test_the_first_to_finish_after_the_cancel_waits_for_no_other(scheduling, monkeypatch):
    box, sms, journal = scheduling.box, scheduling.sms, scheduling.journal
    box.add_fault(Fault(path="/batch/schedule", when="hold", times=0))
    held, finish, others = [], journal.finish, asyncio.Event()

    async def finishing(campaign, claimed, outcome):
        if claimed.number:
            await others.wait()
        return await finish(campaign, claimed, outcome)

    monkeypatch.setattr(journal, "finish", finishing)
    when_held(box, lambda: held.append(box))
    run = asyncio.create_task(sms.bulk.send(**scheduling.kept, destinations=drama(40)))
    await until(lambda: len(held) == 2)
    await scheduling.cancel()
    box.release()
    await until(lambda: statuses(box)["CANCELLED"] == 10)
    assert not run.done()
    others.set()
    report = await run
    assert (report.accepted, report.not_sent) == (0, 40)


async def test_cancel_finds_what_was_scheduled_and_cancels_that(scheduling):
    box, sms = scheduling.box, scheduling.sms
    box.add_fault(Fault(path="/batch/schedule", when="after", nth=1))
    box.add_fault(Fault(path="/batch/schedule", error_code=4021, nth=2, times=0))
    kept = {**scheduling.kept, "concurrency": 1}
    box.add_fault(Fault(path="/messages/schedule", status=500, times=0))
    report = await sms.bulk.send(**kept, destinations=drama(20), settle=0)
    assert (report.unknown, report.accepted) == (10, 0)
    box.clear_faults()
    report = await scheduling.cancel()
    assert (report.not_sent, report.rejected, report.unknown) == (10, 10, 0)
    assert statuses(box) == {"CANCELLED": 10}
