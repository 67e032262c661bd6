"""Sending again only to recipients who may still be reached."""

from __future__ import annotations

import pytest

from smsworks_async import (
    AsyncSMSWorks,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from smsworks_async.sandbox.archive import Archive
from support.clock import SandboxClock, use_clock
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.waiting import until


async def undelivered(box, sms, journal, **more):
    """A campaign to ten, of whom 5006, 5013 (they may be reached yet) and 5001 were not."""
    people = ["07700 900501", "07700 900506", "07700 900513", *drama(7)]
    await sms.bulk.send(
        **TEXT, destinations=people, journal=journal, campaign="x", chunk_size=4, **more
    )


async def until_final(box, clock):
    """Wait until a sandbox on the machine's clock has delivered, and let some time pass."""
    await until(lambda: all(m.status not in {"SENT", "SCHEDULED"} for m in box.messages))
    clock.advance(60)


async def test_retry_undelivered_sends_to_those_alone_who_may_be_reached_yet():
    async with (
        Sandbox(clock=ManualClock()) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        clock = SandboxClock(box)
        use_clock(sms, clock)
        journal = MemoryJournal(clock=clock)
        await undelivered(box, sms, journal)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0  # in flight
        await box.advance(10)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0  # too soon
        await box.advance(900)
        report = await sms.bulk.retry_undelivered("x", journal=journal)
        assert (report.read, report.accepted) == (2, 2)
        counts = box.accepted_by_destination()
        assert {n for n, count in counts.items() if count == 2} == {"447700900506", "447700900513"}
        status = await sms.bulk.status("x", journal=journal)
        assert (status.rounds, status.sent_again, status.accepted) == (1, 2, 10)
        # The round is in flight: no recipient is chosen or reported twice.
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0
        assert box.accepted() == 12
        await box.advance(1000)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).accepted == 2
        await box.advance(1000)  # three attempts are the most
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0
        assert max(box.accepted_by_destination().values()) == 3
        rows = [row async for row in sms.bulk.outcomes("x", journal=journal)]
        assert len(rows) == 10
        assert {row.round for row in rows if row.destination == "447700900506"} == {2}


async def test_retry_undelivered_sends_nobody_more_than_six_alike_in_an_hour():
    async with (
        Sandbox(clock=ManualClock(), delivery_delay=0.1) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        clock = SandboxClock(box)
        use_clock(sms, clock)
        journal = MemoryJournal(clock=clock)
        await undelivered(box, sms, journal)
        for _ in range(12):
            await box.advance(60)
            await sms.bulk.retry_undelivered("x", journal=journal, attempts=20, pause=0)
        assert max(box.accepted_by_destination().values()) == 6
        await box.advance(3600)
        report = await sms.bulk.retry_undelivered("x", journal=journal, attempts=20, pause=0)
        assert report.accepted == 2


async def test_retry_undelivered_continues_a_round_that_was_cut_short(box, sms, journal, clock):
    await undelivered(box, sms, journal)
    await until_final(box, clock)
    box.add_fault(Fault(path="/batch/send", error_code=4021))
    again = {"journal": journal, "pause": 0}
    first = await sms.bulk.retry_undelivered("x", **again)
    assert first.rejected == 2
    second = await sms.bulk.retry_undelivered("x", **again)
    assert second.accepted == 2
    assert max(box.accepted_by_destination().values()) == 2


@pytest.mark.parametrize("when", ["stopped", "in doubt"])
async def test_retry_undelivered_continues_a_round_that_is_not_done_before_another(
    box, sms, journal, clock, when
):
    people = ["07700 900506", "07700 900508"]
    kept = {"journal": journal, "campaign": "x", "chunk_size": 1}
    await sms.bulk.send(**TEXT, **kept, destinations=people)
    await until_final(box, clock)
    fault = {"error_code": 4021} if when == "stopped" else {"when": "before"}
    box.add_fault(Fault(path="/batch/send", **fault))
    first = await sms.bulk.retry_undelivered("x", journal=journal, pause=0, concurrency=1, settle=0)
    assert not first.all_accepted
    status = await sms.bulk.status("x", journal=journal)
    assert status.settled is (when == "stopped" and status.open_again == 0)
    campaign = await sms.bulk.reconcile("x", journal=journal, settle=0)
    assert not campaign.all_accepted
    await until_final(box, clock)
    await sms.bulk.retry_undelivered("x", journal=journal, pause=0, settle=0)
    counts = box.accepted_by_destination()
    assert max(counts.values()) == 2 if when == "stopped" else 3


async def test_retry_undelivered_of_two_texts_to_one_number_sends_the_undelivered_alone(
    box, sms, journal, clock, monkeypatch
):
    """Independent of the order of the batch's records."""
    texts = ["Your code is 1", "Your parcel is there"]
    await sms.bulk.send_each(
        messages=[{**TEXT, "destination": "07700 900001", "content": text} for text in texts],
        journal=journal,
        campaign="x",
    )
    await until_final(box, clock)
    box.messages[0].status, box.messages[0].failure = "EXPIRED", 5015
    batch = Archive.batch
    monkeypatch.setattr(Archive, "batch", lambda self, name: batch(self, name)[::-1])
    report = await sms.bulk.retry_undelivered("x", journal=journal, pause=0)
    assert report.accepted == 1
    assert [message.content for message in box.messages] == [*texts, texts[0]]


async def test_retry_undelivered_stays_within_the_flooding_filter_for_a_repeated_number(
    journal,
):
    async with (
        Sandbox(delivery_delay=0, flooding=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        kept = {"journal": journal, "campaign": "x"}
        await sms.bulk.send(**TEXT, **kept, destinations=["07700 900508"] * 4, deduplicate=False)
        for _ in range(3):
            await until(lambda: all(m.status == "UNDELIVERED" for m in box.messages))
            await sms.bulk.retry_undelivered("x", journal=journal, attempts=10, pause=0)
        assert box.accepted() == 6


async def test_retry_undelivered_refuses_unknown_options(sms, journal):
    with pytest.raises(TypeError, match="max_credits"):
        await sms.bulk.retry_undelivered("x", journal=journal, max_credits=5)
