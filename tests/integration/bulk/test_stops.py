"""Errors that stop a bulk run, and the report of unsent recipients."""

from __future__ import annotations

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    InsufficientCredit,
    InvalidMessage,
    NotAuthorised,
    NotSent,
    Outcome,
    OutcomeUnknown,
    ServiceError,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.sandboxes import AT_ONCE


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_send_stops_at_an_answer_that_dooms_the_rest_and_the_report_adds_up(
    box, sms, concurrency
):
    box.add_fault(Fault(path="/batch/send", nth=4, error_code=4021, times=0))
    report = await sms.bulk.send(
        **TEXT, destinations=iter(drama(200)), chunk_size=10, concurrency=concurrency
    )
    assert isinstance(report.stopped, InsufficientCredit)
    assert report.read == 200
    assert report.accepted == box.accepted() == 30
    assert 10 <= report.rejected <= 10 * concurrency
    assert report.not_sent == 200 - 30 - report.rejected
    assert report.adds_up
    named = {n for outcome in report.batches for n in outcome.destinations}
    assert len(named) == 170
    assert all(box.accepted(number) == 0 for number in named)


async def test_send_stops_when_credits_run_out():
    async with Sandbox(credits=25) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, concurrency=1)
    assert (report.accepted, report.rejected, report.not_sent) == (20, 10, 20)


async def test_send_stops_at_a_refusal_of_the_shared_text(box, sms):
    box.add_fault(Fault(path="*", error_code=4006))
    report = await sms.bulk.send(**TEXT, destinations=drama(30), chunk_size=10, concurrency=1)
    assert isinstance(report.stopped, InvalidMessage)
    assert (report.rejected, report.not_sent, len(box.requests)) == (10, 20, 1)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("journal", [False, True])
async def test_send_each_leaves_out_a_text_that_is_refused_and_no_other(concurrency, journal):
    async with (
        Sandbox(profanity=["darn"]) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        messages = [{**TEXT, "destination": number} for number in drama(100)]
        for bad in (3, 57, 58, 99):
            messages[bad]["content"] = "darn"
        kept = {"journal": MemoryJournal(), "campaign": "x"} if journal else {}
        report = await sms.bulk.send_each(
            messages=messages, chunk_size=25, concurrency=concurrency, **kept
        )
        assert (report.accepted, report.rejected, report.stopped) == (96, 4, None)
        refused = {n for batch in report.batches if batch.code == 4006 for n in batch.destinations}
        assert refused == {f"447700900{n:03d}" for n in (3, 57, 58, 99)}
        assert box.accepted() == 96
        assert max(box.accepted_by_destination().values()) == 1
        assert report.adds_up


async def test_send_each_does_not_halve_for_ever_where_all_texts_are_refused():
    async with (
        Sandbox(profanity=["e"]) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        messages = [{**TEXT, "destination": number} for number in drama(1000)]
        report = await sms.bulk.send_each(messages=messages, chunk_size=100)
        assert (report.rejected, box.accepted()) == (1000, 0)
        assert len(box.requests) < 100


async def test_send_stops_at_a_database_failure_that_comes_twice_in_a_row(box, sms):
    box.add_fault(Fault(path="*", error_code=5002))
    box.add_fault(Fault(path="*", nth=3, times=2, error_code=5002))
    report = await sms.bulk.send(**TEXT, destinations=drama(60), chunk_size=10, concurrency=1)
    assert isinstance(report.stopped, ServiceError)
    assert (report.rejected, report.accepted, report.not_sent) == (30, 10, 20)


@pytest.mark.parametrize("status", [302, 404])
async def test_send_stops_at_an_address_that_is_not_the_apis(box, sms, status):
    box.add_fault(Fault(path="*", status=status, times=0, body="<html>"))
    report = await sms.bulk.send(**TEXT, destinations=drama(30), chunk_size=10, concurrency=1)
    assert (report.rejected, report.not_sent, len(box.requests)) == (10, 20, 1)


async def test_send_stops_at_an_account_that_may_not_send_without_a_code_too(box, sms):
    box.add_fault(Fault(path="*", status=403, body='{"message": "No."}'))
    report = await sms.bulk.send(**TEXT, destinations=drama(30), chunk_size=10, concurrency=1)
    assert isinstance(report.stopped, NotAuthorised)
    assert (report.rejected, report.not_sent) == (10, 20)


@pytest.mark.parametrize("when", ["before", "after", "mid"])
async def test_send_names_a_chunk_with_a_lost_answer_as_unknown_and_goes_on(box, sms, when):
    box.add_fault(Fault(path="/batch/send", nth=2, when=when))
    report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, concurrency=1)
    (unknown,) = [o for o in report.batches if o.outcome is Outcome.UNKNOWN]
    assert unknown.destinations == tuple(f"447700900{n:03d}" for n in range(10, 20))
    assert isinstance(unknown.error, OutcomeUnknown)
    assert (report.accepted, report.unknown) == (40, 10)
    assert box.accepted() == (40 if when == "before" else 50)
    assert max(box.accepted_by_destination().values()) == 1
    assert len(box.requests) == 5


async def test_send_to_a_server_that_is_not_there_leaves_everybody_not_sent():
    async with Sandbox() as box:
        base_url = box.base_url
    async with AsyncSMSWorks("eyJ", base_url=base_url, retry=AT_ONCE) as sms:
        report = await sms.bulk.send(**TEXT, destinations=drama(20), chunk_size=10)
    assert report.not_sent == 20
    assert all(isinstance(outcome.error, NotSent) for outcome in report.batches)
    assert report.adds_up


async def test_send_stops_where_the_client_cannot_work(box):
    sms = AsyncSMSWorks(box.token, base_url=box.base_url)
    await sms.close()
    report = await sms.bulk.send(**TEXT, destinations=drama(20), chunk_size=10)
    assert isinstance(report.stopped, ConfigurationError)
    assert report.not_sent == 20


async def test_max_credits_refuses_a_known_number_before_the_first_request(box, sms):
    with pytest.raises(ValidationError, match="20 credits") as caught:
        await sms.bulk.send(**TEXT, destinations=[*drama(20), *drama(20)], max_credits=19)
    assert caught.value.field == "max_credits"
    assert box.requests == []
    report = await sms.bulk.send(**TEXT, destinations=[*drama(20), *drama(20)], max_credits=20)
    assert report.accepted == 20


async def test_max_credits_stops_an_unknown_number_before_the_chunk_that_exceeds_it(box, sms):
    report = await sms.bulk.send(
        **TEXT, destinations=iter(drama(50)), chunk_size=10, max_credits=29
    )
    assert (report.accepted, report.not_sent, report.credits) == (20, 30, 20)
    assert isinstance(report.stopped, ValidationError)
    assert box.accepted() == 20
