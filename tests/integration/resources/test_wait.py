"""Waiting for real messages, of a sandbox, by both clients."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import AsyncSMSWorks, MessageRecord, OutcomeUnknown, StillInFlight
from smsworks_async.sandbox import ManualClock, Sandbox
from support.clock import SandboxClock, use_clock_to_wait
from support.internals import poller_of, waits_of
from support.sandboxes import AT_ONCE
from support.waiting import until


async def test_wait_for_many_messages_makes_few_requests():
    async with (
        Sandbox(clock=ManualClock()) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        naps = []

        async def sleep(seconds):
            naps.append(seconds)
            if seconds > 60:
                await asyncio.Event().wait()  # the waits' own time
            await box.advance(seconds)

        use_clock_to_wait(sms, SandboxClock(box), sleep=sleep)
        batch = await sms.batches.send(
            sender="AcmeCorp",
            destinations=[f"07700 900{number:03d}" for number in range(200)],
            content="Hello",
        )
        records = await sms.batches.get(batch.batch_id)
        before = len(box.requests)
        ended = await asyncio.gather(*[sms.messages.wait(one.message_id) for one in records])
        requests = [f"{record.method} {record.path}" for record in box.requests[before:]]
    assert [record.message_id for record in ended] == [record.message_id for record in records]
    assert {record.status for record in ended} == {"DELIVERED"}
    assert len(requests) <= 10, requests


def test_wait_is_blocking_too(hosted):
    with hosted.client() as sms:
        at = datetime.now(UTC) + timedelta(days=1)
        message = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
        scheduled = sms.messages.schedule(at=at, **message)
        with pytest.raises(StillInFlight):
            sms.messages.wait(scheduled.message_id, timeout=0)
        sms.messages.cancel(scheduled.message_id)
        assert sms.messages.wait(scheduled.message_id).status == "CANCELLED"


def waiting(sms, outcome, message_id):
    """Wait in another thread, and keep how it ended."""

    def wait():
        try:
            outcome.append(sms.messages.wait(message_id, timeout=600))
        except OutcomeUnknown as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


async def test_wait_of_several_threads_ends_with_a_webhook_or_the_clients_end(hosted):
    message = {"sender": "AcmeCorp", "content": "Hello"}
    at = datetime.now(UTC) + timedelta(days=1)
    sms, outcomes = hosted.client(), []
    numbers = [
        sms.messages.schedule(at=at, destination=f"07700 90012{n}", **message).message_id
        for n in range(3)
    ]
    threads = [waiting(sms, outcomes, number) for number in numbers]
    await until(lambda: len(waits_of(sms)) == 3)
    poller_of(sms).notify(MessageRecord(numbers[0], "DELIVERED"))
    await until(lambda: outcomes)
    assert [record.message_id for record in outcomes] == numbers[:1]
    await asyncio.to_thread(sms.close)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert [type(outcome) for outcome in outcomes[1:]] == [OutcomeUnknown] * 2
