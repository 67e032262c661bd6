"""Unknown chunks are searched for, found or reported, and resent only on request."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    JournalError,
    ValidationError,
)
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.journals import MemoryJournal, SQLiteJournal, State
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.clock import SandboxClock, use_clock
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama
from support.sandboxes import AT_ONCE
from support.waiting import until


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("when", ["after", "mid"])
async def test_reconcile_finds_a_lost_answer_and_names_its_batch(box, sms, journal, each, when):
    path = "/batch/any" if each else "/batch/send"
    box.add_fault(Fault(path=path, nth=2, when=when))
    more = {"journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 1, "settle": 0}
    if each:
        messages = [
            {**TEXT, "destination": n, "content": f"Hello {i}", "metadata": {"order": str(i)}}
            for i, n in enumerate(drama(30))
        ]
        report = await sms.bulk.send_each(messages=messages, **more)
    else:
        report = await sms.bulk.send(**TEXT, destinations=drama(30), **more)
    assert report.accepted == box.accepted() == 30
    assert len({batch.batch_id for batch in report.batches}) == 3
    assert [event.what for event in await journal.events("x", 1)][-1] == "found"


async def test_send_each_marks_messages_with_campaign_and_position(box, sms, journal):
    messages = [
        {**TEXT, "destination": n, "reference": f"order-{i}"} for i, n in enumerate(drama(2))
    ]
    await sms.bulk.send_each(
        messages=[{"bad": 1}, *messages], journal=journal, campaign="x", settle=0
    )
    assert [{pair["key"]: pair["value"] for pair in m.metadata} for m in box.messages] == [
        {"reference": "order-0", "smsworks-campaign": "x", "smsworks-position": "1"},
        {"reference": "order-1", "smsworks-campaign": "x", "smsworks-position": "2"},
    ]
    report = await sms.bulk.send_each(
        messages=[{**messages[0], "metadata": {"smsworks-campaign": "y"}}],
        journal=journal,
        campaign="y",
    )
    assert report.invalid == 1


async def test_reconcile_does_not_find_what_another_chunk_or_campaign_has(box, sms, kept, journal):
    """The same text to the same recipients, intentionally twice; the second response is lost."""
    await sms.bulk.send(**kept, destinations=drama(10))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**{**kept, "campaign": "y"}, destinations=drama(10), settle=0)
    assert (report.unknown, report.accepted) == (10, 0)


async def test_reconcile_takes_a_batch_to_some_recipients_for_a_trace_and_never_resends(
    box, sms, kept
):
    """It may be a remainder of the request, without another explanation."""
    await sms.batches.send(**TEXT, destinations=drama(9))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.unknown, box.accepted()) == (10, 9)


async def test_reconcile_takes_a_batch_with_another_recipient_for_no_trace(box, sms, kept):
    """A batch with the same text and further recipients was not a request of this chunk."""
    await sms.batches.send(**TEXT, destinations=drama(11))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.accepted, box.accepted()) == (10, 21)


async def test_reconcile_takes_a_single_message_to_a_recipient_for_a_trace(box, sms, kept):
    await sms.messages.send(**TEXT | {"content": "Good morning"}, destination=drama(1)[0])
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.unknown, box.accepted()) == (10, 1)


@pytest.mark.parametrize("ahead", [7200.0, -7200.0])
async def test_reconcile_finds_what_was_sent_though_the_clock_is_wrong(
    box, sms, kept, clock, ahead
):
    """The provider's responses tell the difference."""
    clock.set_ahead(ahead)
    box.add_fault(Fault(path="/batch/send", when="after"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.accepted, box.accepted()) == (10, 10)


async def test_reconcile_resends_by_name_what_several_searches_did_not_find(
    box, sms, kept, journal
):
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=30, on_unknown="resend")
    assert report.accepted == box.accepted() == 10
    assert len([r for r in box.requests if r.path == "/messages"]) >= 5 * 3
    events = await journal.events("x", 0)
    assert [event.what for event in events] == [
        *("planned", "started", "unknown"),
        *("to be sent again", "started", "accepted"),
    ]
    # Not before the lease (38.5 s) and one request's time (30 s) were over.
    assert events[3].at - events[1].at >= 68.5


async def test_reconcile_does_not_resend_for_ever(box, sms, kept):
    box.add_fault(Fault(path="/batch/send", times=0, when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert report.unknown == 10
    assert len([r for r in box.requests if r.path == "/batch/send"]) == 3


async def test_reconcile_leaves_a_chunk_unknown_where_the_search_fails(box, sms, kept):
    box.add_fault(Fault(path="/batch/send", times=0, when="before"))
    box.add_fault(Fault(path="/messages", times=0, status=403))
    report = await sms.bulk.send(**kept, destinations=drama(30), settle=0, on_unknown="resend")
    assert report.unknown == 30
    assert len([r for r in box.requests if r.path == "/batch/send"]) == 3


async def test_reconcile_may_be_called_by_itself(sms, box, kept, journal):
    box.add_fault(Fault(path="/batch/send", when="after"))
    box.add_fault(Fault(path="/messages", times=0, status=403))
    first = await sms.bulk.send(**kept, destinations=drama(10), settle=0)
    assert first.unknown == 10
    box.clear_faults()
    report = await sms.bulk.reconcile("x", journal=journal, settle=0)
    assert (report.accepted, report.unknown) == (10, 0)
    with pytest.raises(ValidationError):
        await sms.bulk.reconcile("nowhere", journal=journal, settle=0)


async def test_reconcile_waits_for_a_search_that_lags():
    async with (
        Sandbox(clock=ManualClock(), search_lag=20) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        use_clock(sms, SandboxClock(box))
        box.add_fault(Fault(path="/batch/send", when="after"))
        report = await sms.bulk.send(
            **TEXT,
            destinations=drama(10),
            journal=MemoryJournal(clock=SandboxClock(box)),
            campaign="x",
        )
    assert report.accepted == box.accepted() == 10


async def test_run_that_is_cancelled_leaves_its_chunk_unknown_in_the_journal(
    box, sms, kept, journal, clock
):
    box.add_fault(Fault(path="/batch/send", nth=2, when="hold"))
    task = asyncio.create_task(sms.bulk.send(**kept, destinations=drama(40)))
    await until(lambda: box.accepted() == 40)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert any("is unknown" in note for note in caught.value.__notes__)
    states = {entry.number: entry.state for entry in await journal.chunks("x")}
    assert states[1] is State.UNKNOWN
    box.release()
    report = await sms.bulk.send(**kept, settle=0)
    assert report.accepted == box.accepted() == 40


@pytest.mark.parametrize("method", ["claim_next", "finish"])
async def test_run_ends_with_a_journal_that_breaks_and_nothing_goes_unrecorded(
    box, sms, tmp_path, method, clock
):
    class Breaking(SQLiteJournal):
        calls = 0

        async def _broken(self):
            type(self).calls += 1
            if self.calls == 3:
                raise JournalError("the disk is full")

        async def claim_next(self, *args, **kwargs):
            if method == "claim_next":
                await self._broken()
            return await super().claim_next(*args, **kwargs)

        async def finish(self, *args, **kwargs):
            if method == "finish":
                await self._broken()
            return await super().finish(*args, **kwargs)

    path = tmp_path / "journal.db"
    journal = Breaking(path, clock=clock)
    kept = {**TEXT, "campaign": "x", "chunk_size": 10, "concurrency": 1, "settle": 0}
    with pytest.raises(JournalError, match="the disk is full"):
        await sms.bulk.send(**kept, journal=journal, destinations=drama(100))
    await journal.close()
    assert box.accepted() == (20 if method == "claim_next" else 30)
    sound = SQLiteJournal(path, clock=clock)
    report = await sms.bulk.send(**kept, journal=sound)
    await sound.close()
    assert report.accepted == box.accepted() == 100
    assert set(box.accepted_by_destination().values()) == {1}


async def test_reconcile_resends_only_what_the_last_search_did_not_find():
    """Two responses are lost; the search just before the resend fails: neither is resent."""
    async with (
        Sandbox(clock=ManualClock(), search_lag=45) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        box.add_fault(Fault(path="/batch/send", times=2, when="after"))

        async def sleep(seconds):
            await box.advance(seconds)
            if seconds > 20:  # the wait before the resend
                box.add_fault(Fault(path="/messages", times=0, status=503))

        use_clock(sms, SandboxClock(box), sleep=sleep)
        report = await sms.bulk.send(
            **TEXT,
            destinations=drama(20),
            chunk_size=10,
            journal=MemoryJournal(clock=SandboxClock(box)),
            campaign="x",
            on_unknown="resend",
            settle=10,
        )
        assert (report.unknown, box.accepted()) == (20, 20)


async def test_reconcile_after_a_resend_that_failed_searches_first():
    async with (
        Sandbox(clock=ManualClock(), search_lag=3600) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        use_clock(sms, SandboxClock(box))
        kept = {**TEXT, "journal": MemoryJournal(clock=SandboxClock(box)), "campaign": "x"}
        box.add_fault(Fault(path="/batch/send", when="after"))
        box.add_fault(Fault(path="/batch/send", nth=2, error_code=4021))
        report = await sms.bulk.send(**kept, destinations=drama(10), on_unknown="resend")
        assert (report.unknown, report.rejected) == (10, 0)
        await box.advance(7200)
        report = await sms.bulk.send(**kept)
        assert (report.accepted, box.accepted()) == (10, 10)


async def test_run_leaves_a_batch_unknown_after_an_answer_with_a_blank_id(box, sms, kept):
    box.add_fault(Fault(path="/batch/send", when="before", status=201, body='{"batchid": " "}'))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0)
    assert (report.accepted, report.unknown, box.accepted()) == (0, 10, 0)


async def test_reconcile_trusts_no_marks_where_a_search_looks_at_one_of_them_alone(
    box, sms, journal, monkeypatch
):
    """A search for campaign x and position 0 returns all of campaign x."""
    iterate = BulkGateway.iterate

    def of_one_mark(self, **query):
        if marks := query.get("metadata"):
            query["metadata"] = dict(list(marks.items())[:1])
        return iterate(self, **query)

    monkeypatch.setattr(BulkGateway, "iterate", of_one_mark)
    box.add_fault(Fault(path="/batch/any", nth=1, when="before"))
    box.add_fault(Fault(path="/batch/any", nth=2, when="after"))
    messages = [{**TEXT, "destination": drama(1)[0], "content": f"Hello {i}"} for i in range(2)]
    kept = {"journal": journal, "campaign": "x", "chunk_size": 1, "concurrency": 1, "settle": 0}
    report = await sms.bulk.send_each(messages=messages, **kept)
    assert [batch.outcome for batch in report.batches] == ["unknown", "accepted"]
