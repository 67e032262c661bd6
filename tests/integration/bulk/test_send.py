"""Bulk over a real socket: every recipient is accounted for."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    NotSent,
    Reason,
    ValidationError,
)
from smsworks_async.sandbox import Fault, Sandbox
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.waiting import until


def generated(count):
    """Any number of UK mobiles; they go to loopback only."""
    return (f"4477{n:08d}" for n in range(count))


async def test_send_to_100_000_recipients_makes_200_requests():
    async with Sandbox(credits=1e6) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        report = await sms.bulk.send(**TEXT, destinations=generated(100_000))
        assert box.accepted() == report.accepted == report.read == 100_000
        assert len(box.requests) == 200
        assert {outcome.size for outcome in report.batches} == {500}
        assert len({outcome.batch_id for outcome in report.batches}) == 200
        assert report.adds_up


async def test_send_sets_bad_recipients_and_duplicates_aside_with_position_and_reason(box, sms):
    recipients = ["07700 900001", "nobody", 447700900002, "+44 7700 900001", None, "07700 900003"]
    report = await sms.bulk.send(**TEXT, destinations=recipients)
    assert (report.read, report.accepted, report.invalid, report.duplicates) == (6, 3, 2, 1)
    assert [(p.position, p.reason) for p in report.problems] == [
        (1, Reason.INVALID),
        (3, Reason.DUPLICATE),
        (4, Reason.INVALID),
    ]
    assert report.problems[0].code == 4004
    assert report.problems[1].value == "+44 7700 900001"
    assert "900001" not in repr(report.problems)
    assert report.adds_up


async def test_send_takes_duplicates_without_deduplicate(box, sms):
    report = await sms.bulk.send(
        **TEXT, destinations=["07700 900001"] * 3, chunk_size=1, deduplicate=False
    )
    assert report.accepted == box.accepted("447700900001") == 3


async def test_send_reads_any_iterable_async_or_not(box, sms):
    async def later():
        for number in drama(30):
            await asyncio.sleep(0)
            yield number

    sources = [drama(30), tuple(drama(30)), iter(drama(30)), (n for n in drama(30)), later()]
    for source in sources:
        report = await sms.bulk.send(**TEXT, destinations=source, chunk_size=20, deduplicate=False)
        assert (report.accepted, len(report.batches)) == (30, 2)


async def test_send_to_nobody_returns_an_empty_report(box, sms):
    report = await sms.bulk.send(**TEXT, destinations=[])
    assert (report.read, report.batches, report.adds_up) == (0, (), True)
    assert box.requests == []


async def test_send_puts_numbers_outside_the_uk_in_chunks_of_their_own():
    async with (
        Sandbox(international=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms,
    ):
        mixed = [n for pair in zip(drama(40), generated_abroad(40), strict=True) for n in pair]
        report = await sms.bulk.send(
            **TEXT, destinations=mixed, chunk_size=10, concurrency=1, max_credits=1000
        )
    assert report.accepted == 40
    assert report.rejected == 10
    assert report.not_sent == 30
    assert {outcome.code for outcome in report.batches if outcome.error} == {4034}
    assert report.stopped is None
    assert report.adds_up


def generated_abroad(count):
    return (f"+331{n:08d}" for n in range(count))


async def test_send_repeats_a_chunk_after_a_temporary_refusal(box, sms):
    box.add_fault(Fault(path="/batch/send", nth=2, error_code=5006))
    report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, concurrency=1)
    assert report.accepted == box.accepted() == 50
    assert len(box.requests) == 6


async def test_estimate_counts_a_text_abroad_double(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms:
        report = await sms.bulk.send(**TEXT, destinations=[*drama(2), *generated_abroad(3)])
    assert report.credits == 2 + 2 * 3


async def test_progress_is_called_whenever_chunks_are_done_and_may_be_async(box, sms):
    told = []

    async def tell(progress):
        await asyncio.sleep(0)
        told.append(progress)

    await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, progress=tell)
    accepted = [progress.accepted for progress in told]
    assert accepted == sorted(set(accepted))
    assert accepted[-1] == 50
    assert told[-1].in_flight == 0
    assert told[-1].per_second > 0
    for progress in told:
        assert progress.read >= progress.accepted + progress.in_flight


@pytest.mark.parametrize("where", ["destinations", "progress"])
async def test_send_leaves_nobody_unknown_after_the_callers_own_error(box, sms, where):
    bug = RuntimeError("mine")

    def fail(progress=None):
        raise bug

    def drawn():
        yield from drama(35)
        if where == "destinations":
            fail()

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **TEXT,
            destinations=drawn(),
            chunk_size=10,
            concurrency=2,
            progress=fail if where == "progress" else None,
        )
    report = caught.value.report
    assert caught.value.__cause__ is bug
    assert not caught.value.safe_to_repeat
    assert report.accepted == box.accepted()
    assert report.unknown == 0
    assert report.not_sent > 0
    assert report.adds_up


async def test_send_that_is_cancelled_says_what_is_not_known(box, sms):
    box.add_fault(Fault(path="*", nth=3, when="hang", times=0))
    task = asyncio.create_task(
        sms.bulk.send(**TEXT, destinations=drama(100), chunk_size=10, concurrency=2)
    )
    await until(lambda: len(box.requests) >= 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert "20 recipients were accepted; the outcome of 20" in caught.value.__notes__[-1]
    assert len(box.requests) == 4


async def test_send_keeps_to_its_concurrency(box, sms):
    box.add_fault(Fault(path="*", when="hold", times=0))
    task = asyncio.create_task(
        sms.bulk.send(**TEXT, destinations=drama(100), chunk_size=10, concurrency=3)
    )
    await until(lambda: len(box.requests) >= 3)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(box.requests) == 3
    box.clear_faults()
    box.release()
    assert (await task).accepted == 100


async def test_send_raises_whatever_a_callback_raises(box, sms):
    box.add_fault(Fault(path="/batch/send", when="hang"))  # the first worker is still sending

    class Odd(BaseException):
        pass

    def fail(progress):
        raise Odd

    with pytest.raises(Odd) as raised:
        await sms.bulk.send(**TEXT, destinations=drama(100), chunk_size=10, progress=fail)
    assert "were accepted" in raised.value.__notes__[0]


async def test_send_each_sends_everybody_their_own_text(box, sms):
    messages = [
        {"sender": "AcmeCorp", "destination": number, "content": f"Hello {n}"}
        for n, number in enumerate(drama(25))
    ]
    messages += [messages[0], {"sender": "AcmeCorp"}, 5, {**messages[1], "content": ""}]
    messages += [{**messages[0], "content": "Another text to the same number"}]
    report = await sms.bulk.send_each(messages=messages, chunk_size=10)
    assert (report.accepted, report.duplicates, report.invalid) == (26, 1, 3)
    assert [p.field for p in report.problems] == ["destination", "content", "message", "content"]
    assert {m.content for m in box.messages} >= {"Hello 0", "Hello 24"}


async def test_send_turns_the_providers_rewording_off_unless_asked_for(box, monkeypatch):
    sent = []

    async def post(self, operation, document=None, **options):
        sent.append(document)
        raise NotSent("not in this test")

    monkeypatch.setattr("smsworks_async._http.requester.Requester.request", post)
    async with AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        await sms.bulk.send(**TEXT, destinations=drama(1))
        await sms.bulk.send(**TEXT, destinations=drama(1), ai=True)
        await sms.bulk.send_each(messages=[{**TEXT, "destination": drama(1)[0]}])
    assert [document["ai"] for document in sent[:2]] == [False, True]
    assert sent[2][0]["ai"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chunk_size", 0),
        ("chunk_size", 501),
        ("concurrency", 0),
        ("max_rate", 0),
        ("max_rate", "1"),
        ("max_credits", -1),
        ("deduplicate", 1),
        ("progress", "print"),
        ("destinations", "07700 900123"),
        ("destinations", 5),
        ("sender", "x"),
        ("content", ""),
    ],
)
async def test_send_refuses_a_bad_argument_before_it_reads_anything(box, sms, field, value):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**{**TEXT, "destinations": drama(1), field: value})
    assert caught.value.field == field
    assert box.requests == []


async def test_send_leaves_a_chunk_unknown_after_an_unforeseen_error(box, sms, monkeypatch):
    async def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("smsworks_async._http.requester.Requester.request", fail)
    report = await sms.bulk.send(**TEXT, destinations=drama(20), chunk_size=10)
    assert report.unknown == 20
    assert isinstance(report.batches[0].error.__cause__, ZeroDivisionError)


async def test_send_without_deduplicate_keeps_memory_flat(monkeypatch):
    """Ten times the recipients take about the same memory; only batch ids are kept."""

    async def accept(*_, **__):
        from smsworks_async import Batch

        return Batch("1", "SCHEDULED")

    monkeypatch.setattr("smsworks_async._http.requester.Requester.request", accept)

    async def peak(count):
        async with AsyncSMSWorks("eyJ") as sms:
            gc.collect()
            tracemalloc.start()
            report = await sms.bulk.send(**TEXT, destinations=generated(count), deduplicate=False)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert report.accepted == count
            return most

    await peak(5_000)
    small, large = await peak(20_000), await peak(200_000)
    # 360 more chunks are 360 more outcomes of a few hundred bytes each.
    assert large - small < 360 * 1024
