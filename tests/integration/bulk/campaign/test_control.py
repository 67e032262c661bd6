"""Campaigns that are paused, resumed, halted and cancelled, from any process."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import NotSent, Outcome, ValidationError
from smsworks_async.journals import SQLiteJournal, State
from smsworks_async.sandbox import Fault
from support.messages import drama
from support.waiting import until


async def begun(sms, box, kept, count=60):
    """Start a campaign; return it with its first request held by the server."""
    box.add_fault(Fault(path="/batch/send", when="hold", times=0))
    run = asyncio.create_task(sms.bulk.send(**kept, destinations=drama(count)))
    await until(lambda: box.accepted_by_destination() or len(box.requests) >= 2)
    return run


def let_go(box):
    box.clear_faults()
    box.release()


async def test_pause_ends_a_run_and_resume_lets_another_finish(sms, box, kept, journal):
    run = await begun(sms, box, kept)
    status = await sms.bulk.pause("x", why="the price is wrong", journal=journal)
    assert (status.state, status.why) == ("paused", "the price is wrong")
    let_go(box)
    report = await run
    # Two requests were claimed, and are sent.
    assert (report.accepted, report.not_sent) == (20, 40)
    assert report.adds_up
    assert isinstance(report.stopped, NotSent)
    assert "paused: the price is wrong" in str(report.stopped)
    again = await sms.bulk.send(**kept)
    assert (again.accepted, again.not_sent) == (20, 40)
    status = await sms.bulk.resume("x", journal=journal)
    assert status.state == "running"
    report = await sms.bulk.send(**kept)
    assert (report.accepted, report.stopped) == (60, None)
    assert set(box.accepted_by_destination().values()) == {1}
    assert (await sms.bulk.status("x", journal=journal)).state == "done"


async def test_cancel_is_final_and_accounts_for_everybody(sms, box, kept, journal):
    run = await begun(sms, box, kept)
    cancelling = asyncio.create_task(sms.bulk.cancel("x", why="a mistake", journal=journal))
    await until(cancelling.done)
    let_go(box)
    report = await run
    assert (report.accepted, report.not_sent, report.adds_up) == (20, 40, True)
    assert "was cancelled: a mistake" in str(report.stopped)
    states = [chunk.state for chunk in await journal.chunks("x")]
    assert states == [State.ACCEPTED] * 2 + [State.CANCELLED] * 4
    report = await sms.bulk.send(**kept)
    assert (report.accepted, report.not_sent) == (20, 40)
    assert box.accepted() == 20
    status = await sms.bulk.status("x", journal=journal)
    assert (status.state, status.not_sent, status.settled) == ("cancelled", 40, True)
    for steer in (sms.bulk.pause, sms.bulk.resume):
        with pytest.raises(ValidationError, match="was cancelled") as caught:
            await steer("x", journal=journal)
        assert caught.value.field == "campaign"


async def test_cancel_finds_what_was_accepted_and_never_resends(sms, box, kept, journal):
    box.add_fault(Fault(path="/batch/send", when="after", nth=1))
    box.add_fault(Fault(path="/batch/send", when="before", nth=2))
    box.add_fault(Fault(path="/batch/send", error_code=4021, nth=3, times=0))
    box.add_fault(Fault(path="/messages", status=500, times=0))
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(40), settle=0)
    assert (report.unknown, report.accepted) == (20, 0)
    box.clear_faults()
    report = await sms.bulk.cancel("x", journal=journal)
    # One of them is found, and the other stays unknown.
    assert (report.accepted, report.unknown, report.adds_up) == (10, 10, True)
    report = await sms.bulk.send(**kept, on_unknown="resend")
    assert (report.accepted, report.unknown) == (10, 10)
    assert box.accepted() == 10


async def test_a_chunk_that_comes_back_after_cancel_is_cancelled(sms, box, kept, journal):
    run = await begun(sms, box, kept)
    await sms.bulk.cancel("x", journal=journal, settle=0)
    box.clear_faults()
    # The claimed requests are rejected temporarily, and would be retried.
    box.add_fault(Fault(path="/batch/send", status=503, error_code=5001, times=0))
    box.release()
    report = await run
    assert report.adds_up
    assert State.PENDING not in {chunk.state for chunk in await journal.chunks("x")}


async def test_a_repetition_inside_a_call_is_not_made_after_a_pause(sms, box, kept, journal):
    paused = asyncio.Event()

    async def pause_first(request):
        await sms.bulk.pause("x", journal=journal)
        paused.set()

    box.add_fault(Fault(path="/batch/send", status=429, nth=1))
    check = journal.controls

    async def controls(campaign, round):
        await pause_first(None)
        return await check(campaign, round)

    journal.controls = controls
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(20))
    assert paused.is_set()
    assert (report.accepted, report.not_sent) == (0, 20)
    assert box.accepted() == 0


async def test_no_credit_halts_for_every_process_and_send_lifts_it(sms, box, kept, journal):
    box.add_fault(Fault(path="/batch/send", error_code=4021, nth=2, times=0))
    await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(40))
    status = await sms.bulk.status("x", journal=journal)
    assert status.state == "halted"
    assert "4021" in status.why
    assert "07700" not in status.why
    box.clear_faults()
    report = await sms.bulk.send(**kept)
    assert report.accepted == 40
    assert (await sms.bulk.status("x", journal=journal)).state == "done"


async def test_a_halt_does_not_lift_a_pause(sms, journal, kept):
    await sms.bulk.plan(
        sender="AcmeCorp",
        content="Hello",
        destinations=drama(20),
        journal=journal,
        campaign="x",
        chunk_size=10,
    )
    await sms.bulk.pause("x", journal=journal)
    report = await sms.bulk.send(**kept)
    assert report.not_sent == 20
    assert (await sms.bulk.status("x", journal=journal)).state == "paused"


async def test_control_refuses_a_campaign_that_is_done_or_not_there(sms, kept, journal):
    await sms.bulk.send(**kept, destinations=drama(10))
    for steer in (sms.bulk.pause, sms.bulk.resume, sms.bulk.cancel):
        with pytest.raises(ValidationError, match="is done"):
            await steer("x", journal=journal)
        with pytest.raises(ValidationError, match="no campaign 'y'"):
            await steer("y", journal=journal)


@pytest.mark.parametrize("why", ["x" * 201, "two\nlines"])
async def test_pause_refuses_a_reason(sms, journal, why):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.pause("x", why=why, journal=journal)
    assert caught.value.field == "why"


async def test_plan_sends_nothing_and_send_goes_on_with_it(sms, box, kept, journal):
    plan = {name: kept[name] for name in ("sender", "content", "journal", "campaign", "chunk_size")}
    status = await sms.bulk.plan(**plan, destinations=[*drama(20), "nobody", *drama(1)])
    assert (status.state, status.read, status.not_sent) == ("running", 22, 20)
    assert (status.invalid, status.duplicates) == (1, 1)
    assert box.accepted() == 0
    report = await sms.bulk.send(**kept)
    assert report.accepted == 20


async def test_plan_each_plans_a_template(sms, box, journal):
    rows = [{"destination": number, "name": "Ann"} for number in drama(3)]
    status = await sms.bulk.plan_each(
        campaign="x", template="Hi {name}", sender="AcmeCorp", rows=rows, journal=journal
    )
    assert (status.planned, status.not_sent) == (True, 3)
    assert box.accepted() == 0
    report = await sms.bulk.send_each(
        template="Hi {name}", sender="AcmeCorp", journal=journal, campaign="x"
    )
    assert report.accepted == 3


async def test_plan_without_a_valid_recipient_keeps_nothing(sms, journal):
    status = await sms.bulk.plan(
        sender="AcmeCorp", content="Hi", destinations=["nobody"], journal=journal, campaign="x"
    )
    assert (status.planned, status.read, status.invalid) == (False, 1, 1)
    with pytest.raises(ValidationError, match="no campaign"):
        await sms.bulk.status("x", journal=journal)


async def test_campaigns_lists_what_a_journal_has(sms, tmp_path):
    path = tmp_path / "journal.db"
    for name in ("b", "a"):
        await sms.bulk.plan(
            sender="AcmeCorp", content="Hi", destinations=drama(2), journal=path, campaign=name
        )
    await sms.bulk.cancel("a", journal=path)
    found = [status async for status in sms.bulk.campaigns(journal=path)]
    assert [(status.campaign, status.state) for status in found] == [
        ("b", "running"),
        ("a", "cancelled"),
    ]


async def test_controls_are_seen_by_another_handle_of_the_file(sms, box, tmp_path):
    path = tmp_path / "journal.db"
    kept = {"sender": "AcmeCorp", "content": "Hi", "journal": path, "campaign": "x"}
    await sms.bulk.plan(**kept, destinations=drama(10))
    other = SQLiteJournal(path)
    await sms.bulk.pause("x", journal=other)
    report = await sms.bulk.send(**kept)
    assert (report.not_sent, box.accepted()) == (10, 0)
    assert {batch.outcome for batch in report.batches} == {Outcome.NOT_SENT}
    await other.close()
