"""Following a campaign to its last recipient."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    StillInFlight,
    ValidationError,
)
from smsworks_async.bulk.campaign.follow import Follower
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.clock import FakeClock, SandboxClock, use_clock
from support.internals import gateway_of, poller_of
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama


@pytest.fixture
async def turned():
    """A sandbox that delivers after 5 seconds by its own clock, a client, and a journal."""
    async with (
        Sandbox(clock=ManualClock(), delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        journal = MemoryJournal(clock=SandboxClock(box))
        more = {"journal": journal, "campaign": "x", "chunk_size": 10}
        people = ["07700 900506", *drama(24)]
        await sms.bulk.send(**TEXT, **more, destinations=people)
        yield box, sms, journal


async def test_follow_yields_every_recipient_once(turned):
    box, sms, journal = turned
    use_clock(sms, SandboxClock(box))
    records = [record async for record in sms.bulk.follow("x", journal=journal)]
    assert len(records) == len({record.message_id for record in records}) == 25
    statuses = {record.destination: record.status for record in records}
    assert statuses.pop("447700900506") == "UNDELIVERED"
    assert set(statuses.values()) == {"DELIVERED"}
    # A later follower gets all of them at once.
    assert len([record async for record in sms.bulk.follow("x", journal=journal)]) == 25


async def test_follow_takes_delivery_reports_before_it_polls(turned):
    box, sms, journal = turned
    looks = asyncio.Event()

    async def for_ever(_):
        looks.set()
        await asyncio.Event().wait()

    use_clock(sms, SandboxClock(box), sleep=for_ever)
    followed = sms.bulk.follow("x", journal=journal)
    first = asyncio.ensure_future(anext(followed))
    await looks.wait()
    batches = [b.batch_id for b in (await sms.bulk.reconcile("x", journal=journal)).batches]
    records = [record for batch in batches for record in await sms.batches.get(batch)]
    assert not any(record.is_final for record in records)
    requests = len(box.requests)
    for record in records:
        report = attrs.evolve(record, status="DELIVERED")
        poller_of(sms).notify(record)  # SENT: not final
        poller_of(sms).notify(report)
        poller_of(sms).notify(report)  # twice
        poller_of(sms).notify(attrs.evolve(report, batch_id="another"))
    told = [await first, *[record async for record in followed]]
    assert {record.message_id for record in told} == {record.message_id for record in records}
    assert len(told) == 25
    assert len(box.requests) == requests


async def test_follow_raises_still_in_flight_when_its_time_is_over(turned):
    _, sms, journal = turned
    clock = FakeClock()
    follower = Follower(
        journal, "x", gateway_of(sms), poller_of(sms), clock=clock.monotonic, sleep=clock.sleep
    )
    with pytest.raises(StillInFlight, match="25 recipients are not final"):
        async for _ in follower.follow(20):
            pass
    assert clock.monotonic() == pytest.approx(20)
    with pytest.raises(ValidationError):
        await anext(sms.bulk.follow("x", journal=journal, timeout=-1))


async def test_follow_waits_for_a_campaign_that_is_still_sent(turned):
    box, sms, journal = turned
    box.credits = 0
    more = {"journal": journal, "campaign": "y", "chunk_size": 10}
    await sms.bulk.send(**TEXT, **more, destinations=drama(20), concurrency=1)
    box.credits = 100

    async def sleep(seconds):
        if "sent" not in done:
            done.append("sent")
            await sms.bulk.send(**TEXT, **more)
        await box.advance(seconds)

    done = []
    use_clock(sms, SandboxClock(box), sleep=sleep)
    records = [record async for record in sms.bulk.follow("y", journal=journal)]
    assert len(records) == 20


async def test_follow_ends_for_a_batch_whose_records_have_vanished(turned):
    box, sms, journal = turned
    for message in box.messages:
        await sms.messages.delete(message.message_id)
    assert [record async for record in sms.bulk.follow("x", journal=journal)] == []


def test_follow_is_blocking_too(hosted, tmp_path):
    kept = {"journal": tmp_path / "journal.db", "campaign": "x"}
    with hosted.client() as sms:
        sms.bulk.send(**TEXT, **kept, destinations=drama(30))
        followed = sms.bulk.follow(**kept)
        assert next(followed).is_final
        assert len(list(followed)) == 29
        next(sms.bulk.follow(**kept))  # and left in the middle


async def test_follow_does_not_wait_for_what_no_process_sends(turned):
    box, sms, journal = turned
    more = {"journal": journal, "campaign": "z", "chunk_size": 10}
    box.add_fault(Fault(path="/batch/send", error_code=4021))
    await sms.bulk.send(**TEXT, **more, destinations=drama(20), concurrency=1)
    clock = FakeClock()
    follower = Follower(
        journal, "z", gateway_of(sms), poller_of(sms), clock=clock.monotonic, sleep=clock.sleep
    )
    with pytest.raises(StillInFlight, match="10 recipients are still pending"):
        async for _ in follower.follow(None):
            pass
    assert 60 <= clock.monotonic() < 120
