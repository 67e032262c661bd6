"""A plan without a valid recipient: it reports what was invalid, and its name stays free."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import BulkInterrupted, Reason, ValidationError
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama


ROWS = [{"destination": number, "name": "Ada"} for number in drama(30)]


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path):
    made = MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "x.db")
    yield made
    await made.close()


async def test_report_with_invalid_recipients_is_not_all_accepted(box, sms):
    report = await sms.bulk.send(**TEXT, destinations=[*drama(3), "nobody"])
    assert (report.accepted, report.invalid, report.all_accepted) == (3, 1, False)
    nobody = await sms.bulk.send(**TEXT, destinations=["nobody"])
    assert not nobody.all_accepted


async def test_report_with_duplicates_may_be_all_accepted(box, sms):
    report = await sms.bulk.send(**TEXT, destinations=["07700 900001"] * 2)
    assert (report.duplicates, report.all_accepted) == (1, True)


async def test_plan_of_a_template_with_a_typing_error_leaves_its_name_free(box, sms, journal):
    each = {"rows": ROWS, "sender": "AcmeCorp", "journal": journal, "campaign": "x"}
    report = await sms.bulk.send_each(template="Hi {nmae}", **each)
    assert (report.read, report.invalid, report.all_accepted) == (30, 30, False)
    assert report.adds_up
    assert [problem.position for problem in report.problems] == list(range(30))
    assert {problem.reason for problem in report.problems} == {Reason.INVALID}
    assert box.requests == []
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.status("x", journal=journal)
    assert caught.value.field == "campaign"
    mended = await sms.bulk.send_each(template="Hi {name}", **each)
    assert (mended.accepted, mended.all_accepted) == (30, True)


async def test_plan_keeps_more_invalid_recipients_than_one_write_takes(box, sms, journal):
    people = [*["nobody"] * 12_000, "07700 900001"]
    report = await sms.bulk.send(**TEXT, destinations=people, journal=journal, campaign="x")
    assert (report.invalid, report.accepted, len(report.problems)) == (12_000, 1, 12_000)
    assert report.adds_up


async def test_plan_of_an_iterable_that_raises_at_once_leaves_the_name_free(sms, journal):
    def people():
        yield "nobody"
        raise ZeroDivisionError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**TEXT, destinations=people(), journal=journal, campaign="x")
    assert (caught.value.report.invalid, caught.value.report.adds_up) == (1, True)
    other = {**TEXT, "content": "Another text"}
    report = await sms.bulk.send(**other, destinations=drama(2), journal=journal, campaign="x")
    assert report.accepted == 2


async def test_send_without_destinations_leaves_an_unknown_name_free(sms, journal):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**TEXT, journal=journal, campaign="x")
    assert caught.value.field == "campaign"
    other = {**TEXT, "content": "Another text"}
    report = await sms.bulk.send(**other, destinations=drama(2), journal=journal, campaign="x")
    assert report.accepted == 2


async def test_plan_without_recipients_changes_no_campaign_that_has_some(box, sms, journal):
    kept = {**TEXT, "journal": journal, "campaign": "x"}
    await sms.bulk.send(**kept, destinations=drama(3))
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**kept, destinations=["nobody"])
    assert caught.value.field == "destinations"
    assert (await sms.bulk.send(**kept)).accepted == 3
    assert box.accepted() == 3


async def test_plan_without_recipients_does_not_disturb_another_process_that_plans(
    box, sms, journal
):
    """One has read valid recipients and waits for more; the other has none, and ends."""
    waits, go_on = asyncio.Event(), asyncio.Event()

    async def people():
        for number in ["nobody"] * 600 + drama(700):
            yield number
        waits.set()
        await go_on.wait()
        yield "07700 900800"

    kept = {**TEXT, "journal": journal, "campaign": "x"}
    planning = asyncio.create_task(sms.bulk.send(**kept, destinations=people()))
    await waits.wait()
    other = await sms.bulk.send(**kept, destinations=["nobody"])
    assert (other.invalid, other.accepted) == (1, 0)
    go_on.set()
    report = await planning
    assert (report.accepted, report.invalid, report.adds_up) == (701, 600, True)
    assert box.accepted() == 701
