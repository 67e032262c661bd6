"""Keyed calls with lost responses, and concurrent ones."""

from __future__ import annotations

import asyncio
import logging

import pytest

from smsworks_async import (
    InsufficientCredit,
    JournalError,
    KeyInUse,
    NotSent,
    OutcomeUnknown,
)
from smsworks_async.journals import State
from smsworks_async.sandbox import Fault
from support.journals import each_kind, of_kind
from support.keyed import FOUND_AGAIN, MANY, PEOPLE, TEXT, WAYS, call, fake_clock, posts
from support.messages import NUMBER
from support.sandboxes import client
from support.waiting import until


each_way = pytest.mark.parametrize("way", WAYS)


@each_kind
async def journal(request):
    async with of_kind(request) as made:
        yield made


@pytest.fixture
async def sms(box, journal):
    async with client(box, journal=journal) as client_:
        yield client_


@pytest.mark.parametrize("way", FOUND_AGAIN)
@pytest.mark.parametrize("when", ["after", "mid"])
async def test_a_lost_answer_is_found_by_the_next_call(box, sms, way, when):
    box.add_fault(Fault(path=WAYS[way][0], when=when))
    with pytest.raises(OutcomeUnknown) as caught:
        await call(sms, way)
    assert caught.value.safe_to_repeat
    assert caught.value.retryable
    found = await call(sms, way)
    assert found.replayed
    assert (await call(sms, way)) == found
    assert posts(box, way) == 1


async def test_a_lost_answer_is_logged_as_an_unknown_outcome(box, sms, caplog):
    box.add_fault(Fault(path="/message/send", when="after"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    await call(sms, "messages.send")
    assert "the outcome of messages.send (key hash " in caplog.text


async def test_a_lost_passcode_is_never_found(box, sms):
    box.add_fault(Fault(path="/otp/send", when="after"))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await call(sms, "otp.send")
    assert posts(box, "otp.send") == 1
    assert not (await call(sms, "otp.send", key="another")).replayed


@each_way
async def test_a_request_that_was_lost_on_its_way_stays_unknown(box, sms, way):
    box.add_fault(Fault(path=WAYS[way][0], when="before"))
    for _ in range(3):
        with pytest.raises(OutcomeUnknown, match="on_unknown='resend'"):
            await call(sms, way)
    assert posts(box, way) == 1
    assert box.accepted() == 0


@each_way
async def test_resend_sends_again_what_was_lost_after_waits(box, sms, journal, way):
    clock = fake_clock(sms, journal)
    box.add_fault(Fault(path=WAYS[way][0], when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, way)
    assert not (await call(sms, way, on_unknown="resend")).replayed
    # A lease of 38.5 s and a request of 30 s, then searches for 30 s more.
    assert sum(clock.slept) >= 38.5 + 30 + 30
    assert posts(box, way) == 2
    assert (await call(sms, way)).replayed


async def test_resend_leaves_alone_what_has_left_a_trace(box, sms, journal):
    fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    # The same recipient was texted by the same sender without a key.
    await sms.messages.send(**TEXT)
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send", on_unknown="resend")
    assert box.accepted(NUMBER) == 1


async def test_resend_finds_what_a_search_shows_late(box, sms, journal):
    fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="after"))
    box.change_storage(search_lag=3600)
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    box.change_storage(search_lag=0)
    assert (await call(sms, "messages.send", on_unknown="resend")).replayed
    assert box.accepted(NUMBER) == 1


async def test_a_refusal_after_a_resend_leaves_it_unknown(box, sms, journal):
    fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    box.add_fault(Fault(path="/message/send", error_code=4021, status=402))
    with pytest.raises(OutcomeUnknown) as caught:
        await call(sms, "messages.send", on_unknown="resend")
    assert isinstance(caught.value.__cause__, InsufficientCredit)
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")


async def test_a_refusal_after_a_resend_that_cannot_be_recorded_leaves_it_unknown(
    box, sms, journal, monkeypatch
):
    async def full(*_, **__):
        raise JournalError("journal keys.db: the disk is full")

    fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    monkeypatch.setattr(type(journal), "finish_key", full)
    box.add_fault(Fault(path="/message/send", error_code=4021, status=402))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send", on_unknown="resend")


async def test_a_late_refusal_is_in_doubt_where_another_process_sends_it_again(
    box, sms, journal, monkeypatch
):
    clock = fake_clock(sms, journal)
    finish_key = type(journal).finish_key

    async def finish_late(self, key_hash, claimed, outcome, answer):
        clock.advance(600)
        assert (await self.key(key_hash)).request.state is State.UNKNOWN
        await self.resend_key(key_hash, claimed.attempt, 0.0, owner="another", lease=60.0)
        return await finish_key(self, key_hash, claimed, outcome, answer)

    monkeypatch.setattr(type(journal), "finish_key", finish_late)
    box.add_fault(Fault(path="/message/send", error_code=4021, status=402))
    with pytest.raises(OutcomeUnknown) as caught:
        await call(sms, "messages.send")
    assert isinstance(caught.value.__cause__, InsufficientCredit)
    assert caught.value.safe_to_repeat


async def test_callers_at_the_same_time_get_one_answer(box, sms):
    answers = await asyncio.gather(*(call(sms, "messages.send") for _ in range(20)))
    assert len({answer.message_id for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
    assert posts(box, "messages.send") == 1


async def test_those_who_wait_get_the_refusal_of_the_one_that_is_made(box, sms):
    box.add_fault(Fault(path="/message/send", error_code=4021, status=402, when="hang", delay=0.2))
    calls = (call(sms, "messages.send") for _ in range(5))
    refused = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in refused] == [InsufficientCredit] * 5
    assert {(error.status, error.code) for error in refused} == {(402, 4021)}
    assert len({id(error) for error in refused}) == 5
    assert posts(box, "messages.send") == 1


async def test_a_call_waits_for_another_within_its_time_alone(box, sms, journal):
    clock = fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="hold"))
    first = asyncio.create_task(call(sms, "messages.send"))
    await until(lambda: box.requests)
    with pytest.raises(KeyInUse) as caught:
        await call(sms, "messages.send")
    assert caught.value.retryable
    assert sum(clock.slept) == pytest.approx(30)
    box.release()
    sent = await first
    assert (await call(sms, "messages.send")).message_id == sent.message_id


async def test_a_cancelled_call_is_found_by_the_next(box, sms):
    box.add_fault(Fault(path="/message/send", when="hold"))
    first = asyncio.create_task(call(sms, "messages.send"))
    await until(lambda: box.requests)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    box.release()
    assert (await call(sms, "messages.send")).replayed
    assert box.accepted(NUMBER) == 1


async def test_an_answer_that_cannot_be_recorded_is_returned_with_a_warning(
    box, sms, journal, caplog, monkeypatch
):
    async def full(*_, **__):
        raise JournalError("journal keys.db: the disk is full")

    monkeypatch.setattr(type(journal), "finish_key", full)
    with caplog.at_level(logging.WARNING):
        sent = await call(sms, "messages.send")
    monkeypatch.undo()
    assert sent.message_id
    assert "could not be recorded" in caplog.text
    assert "order-1234" not in caplog.text
    assert box.accepted(NUMBER) == 1


async def test_what_bulk_has_sent_is_no_trace_of_a_key_and_the_other_way_round(box, sms, journal):
    clock = fake_clock(sms, journal)
    box.add_fault(Fault(path="/batch/send", when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "batches.send")
    report = await sms.bulk.send(**MANY, destinations=PEOPLE, campaign="x")
    assert report.accepted == 3
    clock.advance(3600)
    assert not (await call(sms, "batches.send", on_unknown="resend")).replayed
    assert box.accepted() == 6


@pytest.fixture
def slow(journal, monkeypatch):
    """Return a function that makes a method of the journal wait, before or after its work."""

    def slow(method, *, before):
        real = getattr(type(journal), method)
        waits, goes_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def waiting(*args, **options):
            result = None if before else await real(*args, **options)
            waits.set()
            await goes_on.wait()
            if before:
                result = await real(*args, **options)
            done.set()
            return result

        monkeypatch.setattr(type(journal), method, waiting)
        return waits, goes_on, done

    return slow


async def cancel_twice(task):
    for _ in range(2):
        task.cancel()
        for _ in range(3):  # until it handles the first one
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_that_is_cancelled_twice_while_it_claims_its_key_leaves_it_free(
    box, sms, journal, slow, monkeypatch
):
    claimed, goes_on, _ = slow("claim_key", before=False)
    first = asyncio.create_task(call(sms, "messages.send"))
    await claimed.wait()
    await cancel_twice(first)
    goes_on.set()
    monkeypatch.undo()
    with pytest.raises(NotSent, match="the other call with this idempotency_key sent nothing"):
        await call(sms, "messages.send")  # which waited for it
    assert not (await call(sms, "messages.send")).replayed
    assert box.accepted(NUMBER) == 1


async def test_a_call_that_is_cancelled_twice_while_it_sends_is_found_by_the_next(
    box, sms, journal, slow
):
    _, goes_on, recorded = slow("finish_key", before=True)
    box.add_fault(Fault(path="/message/send", when="hold"))
    first = asyncio.create_task(call(sms, "messages.send"))
    await until(lambda: box.requests)
    await cancel_twice(first)
    goes_on.set()
    await until(recorded.is_set)
    box.release()
    assert (await call(sms, "messages.send")).replayed
    assert box.accepted(NUMBER) == 1
