"""Scheduling requests with lost responses, which are also searched for among scheduled messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.schedules import due_or_gone, statuses


SCHEDULE = {"path": "/batch/schedule"}


def hide(box):
    """Hide messages from searches and batches before their time."""
    more = {"times": 0, "content_type": "application/json"}
    box.add_fault(Fault(path="/messages", status=200, body="[]", **more))
    box.add_fault(Fault(path="/batch/*", method="GET", status=404, body='{"message": ""}', **more))


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("when", ["after", "mid"])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_what_was_scheduled_is_found(scheduling, nth, when, hidden):
    box = scheduling.box
    if hidden:
        hide(box)
    box.add_fault(Fault(**SCHEDULE, when=when, nth=nth))
    report = await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    assert (report.accepted, report.unknown) == (25, 0)
    assert set(due_or_gone(box).values()) == {1}


async def test_a_list_that_lags_behind_is_read_again(scheduling):
    box = scheduling.box
    hide(box)
    box.change_storage(search_lag=20.0)
    box.add_fault(Fault(**SCHEDULE, when="after"))
    report = await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(10))
    assert (report.accepted, report.unknown) == (10, 0)


async def test_what_was_not_scheduled_is_resent_by_name_only(scheduling):
    box, sms = scheduling.box, scheduling.sms
    box.add_fault(Fault(**SCHEDULE, when="before", nth=2))
    report = await sms.bulk.send(**scheduling.kept, destinations=drama(25))
    assert (report.accepted, report.unknown) == (15, 10)
    report = await sms.bulk.send(**scheduling.kept, on_unknown="resend")
    assert (report.accepted, report.unknown) == (25, 0)
    assert set(due_or_gone(box).values()) == {1}


async def test_a_list_that_cannot_be_read_keeps_it_unknown(scheduling):
    box, sms = scheduling.box, scheduling.sms
    hide(box)
    box.add_fault(Fault(**SCHEDULE, when="after", nth=2))
    box.add_fault(Fault(path="/messages/schedule", status=503, times=0))
    report = await sms.bulk.send(**scheduling.kept, destinations=drama(25), on_unknown="resend")
    assert (report.accepted, report.unknown) == (15, 10)
    assert set(due_or_gone(box).values()) == {1}


@pytest.mark.parametrize(
    ("other", "resent"),
    [
        # At the same time, to some of them, with a different text: it may be theirs.
        ({"content": "Another", "destinations": drama(4)}, False),
        # The same except for its time.
        ({"destinations": drama(10), "later": 60}, False),
        ({"destinations": drama(4), "later": 60}, True),
        ({"destinations": drama(11)}, True),
        ({"destinations": drama(4), "sender": "Other"}, True),
    ],
)
async def test_a_trace_on_the_list_keeps_it_unknown(scheduling, other, resent):
    box, sms = scheduling.box, scheduling.sms
    hide(box)
    more = dict(other)
    at = scheduling.at + timedelta(seconds=more.pop("later", 0))
    await sms.batches.schedule(**{**TEXT_TO_MANY, **more}, at=at)
    box.add_fault(Fault(**SCHEDULE, when="before"))
    report = await sms.bulk.send(**scheduling.kept, destinations=drama(10), on_unknown="resend")
    assert (report.accepted, report.unknown) == ((10, 0) if resent else (0, 10))


async def test_a_batch_that_was_cancelled_by_hand_is_not_found(scheduling):
    """It texts no one, so it may be resent, but only on request."""
    box, sms = scheduling.box, scheduling.sms
    batch = await sms.batches.schedule(**TEXT_TO_MANY, destinations=drama(10), at=scheduling.at)
    await sms.batches.cancel(batch.batch_id)
    box.add_fault(Fault(**SCHEDULE, when="before"))
    report = await sms.bulk.send(**scheduling.kept, destinations=drama(10))
    assert (report.accepted, report.unknown) == (0, 10)
    report = await sms.bulk.send(**scheduling.kept, on_unknown="resend")
    assert (report.accepted, statuses(box)) == (10, {"CANCELLED": 10, "SCHEDULED": 10})


async def test_a_lost_answer_to_the_second_scheduling_is_not_found_in_the_first(scheduling):
    """The opted-out recipient opts in again, so both batches have the same recipients."""
    box, sms, journal = scheduling.box, scheduling.sms, scheduling.journal
    await sms.bulk.send(**scheduling.kept, destinations=drama(10))
    await scheduling.opt_out("447700900003")
    box.add_fault(Fault(**SCHEDULE, error_code=4021, times=0))
    await sms.bulk.send(**scheduling.kept)
    box.clear_faults()
    await journal.record_opt_out("447700900003", "in", source="test")
    box.add_fault(Fault(**SCHEDULE, when="before"))
    report = await sms.bulk.send(**scheduling.kept)
    assert (report.accepted, report.unknown, statuses(box)) == (0, 10, {"CANCELLED": 10})
