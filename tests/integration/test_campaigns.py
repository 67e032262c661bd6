"""Campaigns over a real socket, with a journal in memory or in a file."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
import time
from datetime import UTC, datetime

import attrs
import pytest
from conftest import AT_ONCE, until

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    JournalError,
    Outcome,
    OutcomeUnknown,
    Reason,
    SMSWorks,
    StillInFlight,
    ValidationError,
)
from smsworks_async.bulk.follow import Follower
from smsworks_async.bulk.journals import MemoryJournal, SQLiteJournal, State
from smsworks_async.bulk.stream import Stream
from smsworks_async.sandbox import Fault, ManualClock, Sandbox


TEXT = {"sender": "AcmeCorp", "content": "Hello"}


def drama(count, start=0):
    return [f"07700 900{n:03d}" for n in range(start, start + count)]


class Turned:
    """The time, which whoever sleeps turns on."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead

    async def sleep(self, seconds):
        self.ahead += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock(sms):
    turned = Turned()
    sms.bulk._sleep = turned.sleep
    sms.bulk._clock = turned
    return turned


@pytest.fixture
def journal(clock):
    return MemoryJournal(clock=clock)


@pytest.fixture
def kept(journal):
    return {**TEXT, "journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 2}


async def test_a_campaign_that_is_run_again_sends_nothing_again(box, sms, kept):
    people = [*drama(25), "nobody", "07700900003"]
    first = await sms.bulk.send(**kept, destinations=people)
    assert (first.accepted, first.invalid, first.duplicates, first.read) == (25, 1, 1, 27)
    again = await sms.bulk.send(**kept, destinations=iter(people))
    without = await sms.bulk.send(**kept)
    assert first == again == without
    assert box.accepted() == 25
    assert len(box.requests) == 3
    assert first.adds_up


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": "Hi"}, "content"),
        ({"sender": "Other"}, "sender"),
        ({"tag": "t"}, "tag"),
        ({"chunk_size": 11}, "chunk_size"),
        ({"deduplicate": False}, "deduplicate"),
        ({"destinations": drama(24)}, "destinations"),
        ({"destinations": drama(26)}, "destinations"),
        ({"destinations": drama(25, start=1)}, "destinations"),
        ({"destinations": [*drama(24), "nobody"]}, "destinations"),
    ],
)
async def test_the_same_name_with_something_else_is_an_error_and_sends_nothing(
    box, sms, kept, change, field
):
    await sms.bulk.send(**kept, destinations=drama(25))
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**{**kept, "destinations": drama(25), **change})
    assert caught.value.field == field
    assert box.accepted() == 25


async def test_nothing_is_sent_before_all_of_it_is_planned(box, sms, kept, journal):
    def people():
        yield from drama(1200 // 2)
        raise ZeroDivisionError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**kept, destinations=people())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.report.adds_up
    assert caught.value.report.read == caught.value.report.not_sent == 600
    assert box.requests == []
    assert len(await journal.entries("x")) == 60
    with pytest.raises(ValidationError, match="not planned whole"):
        await sms.bulk.send(**kept)
    status = await sms.bulk.status("x", journal=journal)
    assert not status.planned
    assert not status.settled
    report = await sms.bulk.send(**kept, destinations=drama(700))
    assert report.accepted == box.accepted() == 700


async def test_credits_that_ran_out_are_bought_and_the_rest_is_sent(clock):
    async with Sandbox(credits=25) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        kept = {**TEXT, "journal": MemoryJournal(), "campaign": "x", "chunk_size": 10}
        first = await sms.bulk.send(**kept, destinations=drama(50), concurrency=1)
        assert (first.accepted, first.rejected, first.not_sent) == (20, 10, 20)
        assert first.stopped is not None
        assert all(b.error for b in first.batches if b.outcome is Outcome.NOT_SENT)
        box.credits = 100
        second = await sms.bulk.send(**kept)
        assert (second.accepted, second.stopped) == (50, None)
        assert set(box.accepted_by_destination().values()) == {1}


async def test_a_text_that_was_refused_is_not_tried_again(box, sms, kept):
    box.add_fault(Fault(path="*", error_code=4006))
    first = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(10))
    second = await sms.bulk.send(**kept)
    assert first.rejected == second.rejected == 10
    assert len(box.requests) == 1


async def test_where_international_is_not_enabled_only_those_are_not_sent():
    async with (
        Sandbox(international=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        mixed = [n for pair in zip(drama(40), map("+331{:08d}".format, range(40)), strict=True)
                 for n in pair]  # fmt: skip
        report = await sms.bulk.send(
            **TEXT,
            destinations=mixed,
            chunk_size=10,
            concurrency=1,
            journal=MemoryJournal(),
            campaign="x",
        )
    assert (report.accepted, report.rejected, report.not_sent) == (40, 10, 30)
    assert {b.code for b in report.batches if b.outcome is not Outcome.ACCEPTED} == {4034}


# Doubts


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("when", ["after", "mid"])
async def test_a_lost_answer_is_found_and_its_batch_is_named(box, sms, journal, each, when):
    path = "/batch/any" if each else "/batch/send"
    box.add_fault(Fault(path=path, nth=2, when=when))
    more = {"journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 1, "settle": 0}
    if each:
        messages = [
            {**TEXT, "destination": n, "content": f"Hello {i}", "metadata": {"order": str(i)}}
            for i, n in enumerate(drama(30))
        ]
        report = await sms.bulk.send_each(messages, **more)
    else:
        report = await sms.bulk.send(**TEXT, destinations=drama(30), **more)
    assert report.accepted == box.accepted() == 30
    assert len({batch.batch_id for batch in report.batches}) == 3
    assert [event.what for event in await journal.events("x", 1)][-1] == "found"


async def test_messages_of_a_campaign_carry_its_name_and_their_position(box, sms, journal):
    messages = [
        {**TEXT, "destination": n, "reference": f"order-{i}"} for i, n in enumerate(drama(2))
    ]
    await sms.bulk.send_each([{"bad": 1}, *messages], journal=journal, campaign="x", settle=0)
    assert [{pair["key"]: pair["value"] for pair in m.metadata} for m in box.messages] == [
        {"reference": "order-0", "smsworks-campaign": "x", "smsworks-position": "1"},
        {"reference": "order-1", "smsworks-campaign": "x", "smsworks-position": "2"},
    ]
    report = await sms.bulk.send_each(
        [{**messages[0], "metadata": {"smsworks-campaign": "y"}}], journal=journal, campaign="y"
    )
    assert report.invalid == 1


async def test_what_another_chunk_or_another_campaign_holds_is_not_found_again(
    box, sms, kept, journal
):
    """The same text to the same people, twice on purpose; the second answer is lost for good."""
    await sms.bulk.send(**kept, destinations=drama(10))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**{**kept, "campaign": "y"}, destinations=drama(10), settle=0)
    assert (report.unknown, report.accepted) == (10, 0)


async def test_a_batch_with_other_recipients_is_a_trace_and_never_resent(box, sms, kept):
    """Somebody sent the same text to some of them meanwhile: that proves nothing."""
    await sms.batches.send(**TEXT, destinations=drama(11))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.unknown, box.accepted()) == (10, 11)


async def test_a_batch_from_before_the_intent_is_a_trace_and_never_resent(box, sms, kept, clock):
    """A clock that is ahead of the provider's must not make a sent batch look unsent."""
    clock.ahead = 7200.0
    box.add_fault(Fault(path="/batch/send", when="after"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert (report.unknown, box.accepted()) == (10, 10)


async def test_what_is_not_found_is_resent_by_name_after_several_looks(box, sms, kept, journal):
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


async def test_a_doubt_that_stays_is_not_resent_for_ever(box, sms, kept):
    box.add_fault(Fault(path="/batch/send", times=0, when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0, on_unknown="resend")
    assert report.unknown == 10
    assert len([r for r in box.requests if r.path == "/batch/send"]) == 3


async def test_a_search_that_fails_leaves_the_doubt(box, sms, kept):
    box.add_fault(Fault(path="/batch/send", times=0, when="before"))
    box.add_fault(Fault(path="/messages", times=0, status=403))
    report = await sms.bulk.send(**kept, destinations=drama(30), settle=0, on_unknown="resend")
    assert report.unknown == 30
    assert len([r for r in box.requests if r.path == "/batch/send"]) == 3


async def test_a_campaign_is_reconciled_by_itself(sms, box, kept, journal):
    box.add_fault(Fault(path="/batch/send", when="after"))
    box.add_fault(Fault(path="/messages", times=0, status=403))
    first = await sms.bulk.send(**kept, destinations=drama(10), settle=0)
    assert first.unknown == 10
    box.clear_faults()
    report = await sms.bulk.reconcile("x", journal=journal, settle=0)
    assert (report.accepted, report.unknown) == (10, 0)
    with pytest.raises(ValidationError):
        await sms.bulk.reconcile("nowhere", journal=journal, settle=0)


async def test_a_search_that_lags_is_waited_for():
    clock = ManualClock()
    async with (
        Sandbox(clock=clock, search_lag=20) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        sms.bulk._sleep = box.advance
        box.add_fault(Fault(path="/batch/send", when="after"))
        report = await sms.bulk.send(
            **TEXT,
            destinations=drama(10),
            journal=MemoryJournal(clock=clock.time),
            campaign="x",
        )
    assert report.accepted == box.accepted() == 10


async def test_a_cancelled_run_leaves_a_doubt_in_the_journal(box, sms, kept, journal, clock):
    box.add_fault(Fault(path="/batch/send", nth=2, when="hold"))
    task = asyncio.create_task(sms.bulk.send(**kept, destinations=drama(40)))
    await until(lambda: box.accepted() == 40)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert any("it is not known" in note for note in caught.value.__notes__)
    states = {entry.number: entry.state for entry in await journal.entries("x")}
    assert states[1] is State.UNKNOWN
    box.release()
    report = await sms.bulk.send(**kept, settle=0)
    assert report.accepted == box.accepted() == 40


@pytest.mark.parametrize("method", ["start", "finish"])
async def test_a_journal_that_breaks_ends_the_run_and_nothing_goes_unrecorded(
    box, sms, tmp_path, method, clock
):
    class Breaking(SQLiteJournal):
        calls = 0

        async def _broken(self):
            type(self).calls += 1
            if self.calls == 3:
                raise JournalError("the disk is full")

        async def start(self, *args, **kwargs):
            if method == "start":
                await self._broken()
            return await super().start(*args, **kwargs)

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
    assert box.accepted() == (20 if method == "start" else 30)
    sound = SQLiteJournal(path, clock=clock)
    report = await sms.bulk.send(**kept, journal=sound)
    await sound.close()
    assert report.accepted == box.accepted() == 100
    assert set(box.accepted_by_destination().values()) == {1}


# A text for each, and what it costs


async def test_a_template_is_filled_for_each_and_bad_rows_are_named(box, sms):
    rows = [
        {"destination": "07700 900001", "first_name": "Ada", "when": 8},
        {"destination": "07700 900002", "first_name": None, "when": 8},
        {"destination": "07700 900003", "when": 8},
        {"first_name": "Alan", "when": 8},
        "07700 900004",
        {"destination": "nobody", "first_name": "Kay", "when": 9},
        {"destination": "07700 900005", "first_name": "Kay", "when": 9, "more": "ignored"},
    ]
    report = await sms.bulk.send_each(
        template="Hi {first_name}, at {when} {{sharp}}", rows=rows, sender="AcmeCorp", tag="t"
    )
    assert report.accepted == 2
    assert [(p.position, p.field) for p in report.problems] == [
        (1, "first_name"),
        (2, "first_name"),
        (3, "destination"),
        (4, "row"),
        (5, "destination"),
    ]
    assert [(m.content, m.tag, m.ai) for m in box.messages] == [
        ("Hi Ada, at 8 {sharp}", "t", False),
        ("Hi Kay, at 9 {sharp}", "t", False),
    ]


async def test_a_template_goes_on_from_the_journal(box, sms, journal):
    rows = [{"destination": n, "name": f"N{n[-3:]}"} for n in drama(30)]
    more = {"template": "Hi {name}", "sender": "AcmeCorp", "journal": journal, "campaign": "x"}
    box.add_fault(Fault(path="/batch/any", nth=2, error_code=4021))
    first = await sms.bulk.send_each(rows=rows, chunk_size=10, concurrency=1, **more)
    assert (first.accepted, first.rejected, first.not_sent) == (10, 10, 10)
    second = await sms.bulk.send_each(chunk_size=10, **more)
    assert second.accepted == box.accepted() == 30
    assert {m.content for m in box.messages} == {f"Hi N{n:03d}" for n in range(30)}


@pytest.mark.parametrize(
    "template",
    ["{0}", "{}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a:{b}}", "{", "}", "{a b}", 5],
)
async def test_a_template_with_more_than_names_is_refused(sms, template):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send_each(template=template, rows=[], sender="AcmeCorp")
    assert caught.value.field == "template"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"template": "Hi", "rows": []}, "sender"),
        ({"messages": [], "sender": "AcmeCorp"}, "sender"),
        ({"template": "Hi", "messages": [], "sender": "AcmeCorp"}, "messages"),
        ({"template": "Hi", "sender": "AcmeCorp"}, "rows"),
        ({"template": "Hi", "sender": "AcmeCorp", "content": "x", "rows": []}, "content"),
        ({"template": "Hi", "sender": "A", "rows": []}, "sender"),
        ({}, "messages"),
        ({"messages": [], "journal": "x.db"}, "campaign"),
        ({"messages": [], "campaign": "x"}, "journal"),
        ({"messages": [], "journal": "x.db", "campaign": ""}, "campaign"),
        ({"messages": [], "on_unknown": "resend"}, "on_unknown"),
        ({"messages": [], "on_unknown": "guess"}, "on_unknown"),
        ({"messages": [], "settle": -1}, "settle"),
        ({"messages": iter([]), "require_balance": True}, "require_balance"),
    ],
)
async def test_bad_arguments_are_refused(box, sms, given, field):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send_each(**given)
    assert caught.value.field == field
    assert box.requests == []


async def test_an_estimate_says_what_it_would_cost_and_sends_nothing(box, sms):
    found = await sms.bulk.estimate(
        content="Your table is booked \u2013 see you at eight, and bring all your friends along",
        destinations=[*drama(10), "07700900000", "nobody", "+33123456789"],
    )
    assert (found.recipients, found.invalid, found.duplicates) == (11, 1, 1)
    assert (found.segments, found.credits, found.credits_as_gsm) == (22, 24.0, 12.0)
    assert (found.unicode, found.offenders, found.saved_by_gsm) == (11, {"\u2013": 11}, 12.0)
    assert (found.balance, found.affordable) == (10_000.0, True)
    rows = [{"destination": n, "name": name} for n, name in zip(drama(2), "ĉb", strict=True)]
    found = await sms.bulk.estimate(template="Hi {name}", rows=rows, balance=False)
    assert (found.recipients, found.unicode, found.offenders) == (2, 1, {"ĉ": 1})
    assert (found.balance, found.affordable) == (None, None)
    messages = [{**TEXT, "destination": n, "content": "x" * 161} for n in drama(3)]
    assert (await sms.bulk.estimate(messages=messages)).credits == 6.0
    assert [record.path for record in box.requests] == ["/credits/balance"] * 2
    for wrong in ({}, {"content": "x"}, {"content": "x", "messages": []}, {"template": "x"}):
        with pytest.raises(ValidationError):
            await sms.bulk.estimate(**wrong)


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("option", [{"max_credits": 39}, {"require_balance": True}])
async def test_a_run_that_costs_too_much_is_refused_before_the_first_request(journalled, option):
    async with Sandbox(credits=39) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
        with pytest.raises(ValidationError) as caught:
            await sms.bulk.send(**TEXT, destinations=drama(40), **option, **more)
        assert caught.value.field == next(iter(option))
        assert "about 40 credits" in str(caught.value)
        assert box.accepted() == 0
        box.credits = 40
        if "max_credits" in option:
            option = {"max_credits": 40}
        report = await sms.bulk.send(**TEXT, destinations=drama(40), **option, **more)
        assert report.accepted == 40


# Sending again


async def undelivered(box, sms, journal, **more):
    """A campaign to ten, of whom 5006, 5013 (they may be reached yet) and 5001 were not."""
    people = ["07700 900501", "07700 900506", "07700 900513", *drama(7)]
    await sms.bulk.send(
        **TEXT, destinations=people, journal=journal, campaign="x", chunk_size=4, **more
    )


async def test_only_those_are_sent_to_again_who_may_be_reached_yet(journal, clock):
    hands = ManualClock()
    async with (
        Sandbox(clock=hands) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        sms.bulk._clock = hands.time
        journal = MemoryJournal(clock=hands.time)
        await undelivered(box, sms, journal)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0  # on the way
        await box.advance(10)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).read == 0  # too soon
        await box.advance(900)
        report = await sms.bulk.retry_undelivered("x", journal=journal)
        assert (report.read, report.accepted) == (2, 2)
        counts = box.accepted_by_destination()
        assert {n for n, count in counts.items() if count == 2} == {"447700900506", "447700900513"}
        status = await sms.bulk.status("x", journal=journal)
        assert (status.rounds, status.sent_again, status.accepted) == (1, 2, 10)
        # The round is on its way: nobody is chosen twice.
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).accepted == 2
        assert box.accepted() == 12
        await box.advance(1000)
        assert (await sms.bulk.retry_undelivered("x", journal=journal)).accepted == 2
        await box.advance(1000)  # three attempts are the most
        await sms.bulk.retry_undelivered("x", journal=journal)
        assert max(box.accepted_by_destination().values()) == 3
        rows = [row async for row in sms.bulk.outcomes("x", journal=journal)]
        assert len(rows) == 10
        assert {row.round for row in rows if row.destination == "447700900506"} == {2}


async def test_nobody_gets_more_than_six_alike_in_an_hour():
    hands = ManualClock()
    async with (
        Sandbox(clock=hands, delivery_delay=0.1) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        sms.bulk._clock = hands.time
        journal = MemoryJournal(clock=hands.time)
        await undelivered(box, sms, journal)
        for _ in range(12):
            await box.advance(60)
            await sms.bulk.retry_undelivered("x", journal=journal, attempts=20, pause=0)
        assert max(box.accepted_by_destination().values()) == 6
        await box.advance(3600)
        report = await sms.bulk.retry_undelivered("x", journal=journal, attempts=20, pause=0)
        assert report.accepted == 2


async def test_a_round_that_was_cut_short_is_gone_on_with(box, sms, journal, clock):
    await undelivered(box, sms, journal)
    await until(lambda: all(m.status != "SENT" for m in box.messages))
    box.add_fault(Fault(path="/batch/send", error_code=4021))
    again = {"journal": journal, "pause": 0}
    first = await sms.bulk.retry_undelivered("x", **again)
    assert first.rejected == 2
    second = await sms.bulk.retry_undelivered("x", **again)
    assert second.accepted == 2
    assert max(box.accepted_by_destination().values()) == 2


# Watching


async def test_progress_tells_what_is_planned_and_how_long_it_takes(box, sms, kept):
    told = []
    await sms.bulk.send(**kept, destinations=[*drama(45), "nobody"], progress=told.append)
    last = told[-1]
    assert (last.planned, last.accepted, last.in_flight, last.invalid) == (45, 45, 0, 1)
    assert last.seconds_left == 0.0
    assert last.per_second > 0
    assert [p.accepted for p in told] == sorted(p.accepted for p in told)
    told.clear()
    box.add_fault(Fault(path="*", error_code=4021))
    await sms.bulk.send(**{**kept, "campaign": "y"}, destinations=drama(45))
    await sms.bulk.send(**{**kept, "campaign": "y"}, progress=told.append)
    assert told[-1].done == told[-1].planned == 45


async def test_a_campaign_is_watched_from_elsewhere_and_exported(box, sms, tmp_path):
    path = tmp_path / "journal.db"
    people = [*drama(25), "nobody", "07700900003", 5, {"odd": 1}]
    box.add_fault(Fault(path="/batch/send", nth=2, error_code=4004, times=100))
    await sms.bulk.send(
        **TEXT, destinations=people, journal=path, campaign="x", chunk_size=10, concurrency=1
    )
    status = await sms.bulk.status("x", journal=path)
    assert (status.read, status.accepted, status.rejected) == (29, 10, 15)
    assert (status.invalid, status.duplicates, status.settled) == (3, 1, True)
    assert status.credits == 10.0
    for name in ("out.csv", "out.jsonl"):
        assert await sms.bulk.export("x", journal=path, to=tmp_path / name) == 29
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["destination"] for row in rows] == [line["destination"] for line in lines]
    assert sorted(int(row["position"]) for row in rows) == list(range(29))
    outcomes = {row["destination"]: row["outcome"] for row in rows}
    assert outcomes["447700900000"] == "accepted"
    assert outcomes["447700900024"] == "rejected"
    assert outcomes["nobody"] == "invalid"
    assert outcomes["07700900003"] == Reason.DUPLICATE
    assert rows[0]["batch_id"]
    assert lines[24]["code"] == 4004
    with pytest.raises(ValidationError):
        await sms.bulk.export("x", journal=path, to=tmp_path / "out.txt")
    with pytest.raises(ValidationError):
        await sms.bulk.export("nowhere", journal=path, to=tmp_path / "other.csv")
    assert sorted(p.name for p in tmp_path.iterdir() if "db" not in p.name) == [
        "out.csv",
        "out.jsonl",
    ]


def test_it_is_all_blocking_too(hosted, tmp_path):
    path = tmp_path / "journal.db"
    with hosted.client() as sms:
        assert isinstance(sms, SMSWorks)
        told = []
        kept = {"journal": path, "campaign": "x", "chunk_size": 10}
        report = sms.bulk.send(
            **TEXT, **kept, destinations=(n for n in drama(30)), progress=told.append
        )
        assert report.accepted == 30
        assert told[-1].planned == 30
        assert sms.bulk.send(**TEXT, **kept) == report
        assert sms.bulk.status("x", journal=path).settled
        assert len(list(sms.bulk.outcomes("x", journal=path))) == 30
        assert sms.bulk.export("x", journal=path, to=tmp_path / "out.csv") == 30
        assert sms.bulk.reconcile("x", journal=path, settle=0) == report
        assert sms.bulk.retry_undelivered("x", journal=path).read == 0
        rows = ({"destination": n, "name": "Ada"} for n in drama(3))
        found = sms.bulk.estimate(template="Hi {name}", rows=rows)
        assert found.recipients == 3
        rows = ({"destination": n, "name": "Ada"} for n in drama(3))
        sent = sms.bulk.send_each(template="Hi {name}", rows=rows, sender="AcmeCorp")
        assert sent.accepted == 3
    assert hosted.do(lambda box: box.accepted()) == 33


# References


async def test_a_message_is_found_by_its_reference(box, sms):
    sent = await sms.messages.send(**TEXT, destination="07700 900001", reference="order-1")
    await sms.messages.send(**TEXT, destination="07700 900001", metadata={"reference": "order-2"})
    found = await sms.messages.find(reference="order-1")
    assert found is not None
    assert found.message_id == sent.message_id
    assert await sms.messages.find(reference="order-1", destination="07700 900002") is None
    assert await sms.messages.find(reference="order-3") is None


async def test_a_lost_answer_is_found_by_its_reference(box, sms):
    box.add_fault(Fault(path="/message/send", when="after"))
    with pytest.raises(OutcomeUnknown):
        await sms.messages.send(**TEXT, destination="07700 900001", reference="order-1")
    assert (await sms.messages.find(reference="order-1")).content == "Hello"


async def test_a_search_that_ignores_metadata_proves_nothing(box, sms, monkeypatch):
    await sms.messages.send(**TEXT, destination="07700 900001")
    monkeypatch.setattr("smsworks_async.sandbox.archive._fits", lambda *_: True)
    assert await sms.messages.find(reference="order-1") is None


async def test_a_reference_is_checked_and_does_not_contradict_the_metadata(box, sms):
    for wrong in ("", "x" * 201, "a\nb", 5):
        with pytest.raises(ValidationError) as caught:
            await sms.messages.send(**TEXT, destination="07700 900001", reference=wrong)
        assert caught.value.field == "reference"
    with pytest.raises(ValidationError):
        await sms.messages.send(
            **TEXT, destination="07700 900001", reference="a", metadata={"reference": "b"}
        )
    assert box.requests == []


# What else can happen to a run


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_429_that_asks_for_longer_than_a_call_lasts_holds_the_chunk_back(
    box, sms, journalled, monkeypatch, clock
):
    """It is not lost to the run: all wait for as long as was asked, and it goes again."""
    monkeypatch.setattr("smsworks_async.bulk.pace.Pace.turn", turn_without_waits)
    box.add_fault(Fault(path="/batch/send", nth=2, times=2, status=429, retry_after=600))
    more = {"journal": MemoryJournal(clock=clock), "campaign": "x"} if journalled else {}
    report = await sms.bulk.send(
        **TEXT, destinations=drama(50), chunk_size=10, concurrency=1, **more
    )
    assert report.accepted == box.accepted() == 50
    assert len(box.requests) == 7


async def turn_without_waits(self):
    self._active += 1
    return 0


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_429_that_never_ends_is_a_refusal_after_all(box, sms, journalled, monkeypatch):
    monkeypatch.setattr("smsworks_async.bulk.pace.Pace.turn", turn_without_waits)
    box.add_fault(Fault(path="/batch/send", times=0, status=429, retry_after=600))
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    report = await sms.bulk.send(**TEXT, destinations=drama(10), **more)
    assert (report.rejected, len(box.requests)) == (10, 4)


async def test_a_run_that_is_cancelled_while_it_starts_a_chunk_gives_it_back(
    box, sms, kept, journal, monkeypatch
):
    starting, go_on = asyncio.Event(), asyncio.Event()
    start = journal.start

    async def slow(*args, **kwargs):
        starting.set()
        await go_on.wait()
        return await start(*args, **kwargs)

    monkeypatch.setattr(journal, "start", slow)
    task = asyncio.create_task(sms.bulk.send(**kept, destinations=drama(20)))
    await starting.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {entry.state for entry in await journal.entries("x")} == {State.PENDING}
    assert box.requests == []
    assert (await sms.bulk.send(**kept)).accepted == 20


async def test_a_process_that_slept_through_its_lease_sends_nothing_then_and_all_of_it_later(
    box, sms, kept, monkeypatch
):
    leases = iter([0.0, 60.0])
    monkeypatch.setattr("smsworks_async.bulk.campaign.lease_for", lambda _: next(leases))
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(30))
    again = await sms.bulk.send(**kept)
    assert again.accepted == box.accepted() == 30
    assert set(box.accepted_by_destination().values()) == {1}
    assert report.adds_up


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_callback_that_raises_ends_the_run_with_a_report(box, sms, journalled):
    def progress(_):
        raise ZeroDivisionError

    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **TEXT, destinations=drama(50), chunk_size=10, concurrency=2, progress=progress, **more
        )
    report = caught.value.report
    assert report.adds_up
    assert report.accepted == box.accepted() < 50
    if journalled:
        assert report.not_sent == 50 - report.accepted
        assert (await sms.bulk.send(**TEXT, chunk_size=10, **more)).accepted == 50


async def test_an_iterable_that_raises_after_the_run_was_stopped_is_told_of(box, sms):
    def people():
        yield from drama(600)
        raise ZeroDivisionError

    box.add_fault(Fault(path="*", error_code=4021))
    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**TEXT, destinations=people(), concurrency=1)
    assert caught.value.report.adds_up
    assert (caught.value.report.rejected, caught.value.report.not_sent) == (500, 100)
    assert caught.value.report.stopped is not None


async def test_a_429_that_asks_for_hours_ends_the_run_and_says_so(box, sms):
    box.add_fault(Fault(path="/batch/send", nth=2, times=0, status=429, retry_after=86400))
    report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, concurrency=1)
    assert (report.accepted, report.rejected, report.not_sent) == (10, 10, 30)
    assert report.stopped.retry_after == 86400


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("paced", ["run", "client"])
async def test_a_run_ends_when_its_last_chunk_does_and_not_a_turn_later(box, journalled, paced):
    """One chunk at a rate of one in a thousand seconds: a second turn would never come."""
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    settings = {"max_rate": 0.001} if paced == "client" else {}
    if paced == "run":
        more["max_rate"] = 0.001
    async with (
        AsyncSMSWorks(box.token, base_url=box.base_url, **settings) as sms,
        asyncio.timeout(60),
    ):
        report = await sms.bulk.send(**TEXT, destinations=drama(10), **more)
        assert report.accepted == 10


async def test_a_run_that_is_stopped_waits_for_no_turn(box, sms):
    box.add_fault(Fault(path="/batch/send", status=401, times=0))
    async with asyncio.timeout(60):
        report = await sms.bulk.send(**TEXT, destinations=drama(50), chunk_size=10, max_rate=0.001)
    assert (report.rejected, report.not_sent) == (10, 40)


async def test_a_half_that_is_put_back_while_another_looks_for_the_end_is_sent(
    box, sms, monkeypatch
):
    """A worker that began to look before the split must not say that nothing is left."""
    split, looking = asyncio.Event(), asyncio.Event()

    async def slow_end():
        for number in drama(500):
            yield number
        looking.set()
        await split.wait()
        for _ in range(20):
            await asyncio.sleep(0)

    async def watch(self, chunk, put_back=Stream.split):
        await looking.wait()
        await put_back(self, chunk)
        split.set()

    monkeypatch.setattr(Stream, "split", watch)
    box.add_fault(Fault(path="/batch/send", error_code=4004))
    box.add_fault(Fault(path="/batch/send", nth=2, times=0, when="hold", delay=0.05))
    report = await sms.bulk.send(**TEXT, destinations=slow_end(), concurrency=2)
    assert report.accepted == box.accepted() == 500
    assert report.adds_up


async def test_an_iterable_that_raises_cancelled_error_is_reported(box, sms):
    async def people():
        for number in drama(500):
            yield number
        raise asyncio.CancelledError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**TEXT, destinations=people())
    assert caught.value.report.accepted == box.accepted() == 500
    assert caught.value.report.adds_up


async def test_only_what_nothing_was_found_of_in_the_last_look_is_resent():
    """Two answers are lost; the look just before the resend fails: neither is sent again."""
    clock = ManualClock()
    async with (
        Sandbox(clock=clock, search_lag=45) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        box.add_fault(Fault(path="/batch/send", times=2, when="after"))

        async def sleep(seconds):
            await box.advance(seconds)
            if seconds > 20:  # the wait before the resend
                box.add_fault(Fault(path="/messages", times=0, status=503))

        sms.bulk._sleep = sleep
        report = await sms.bulk.send(
            **TEXT,
            destinations=drama(20),
            chunk_size=10,
            journal=MemoryJournal(clock=clock.time),
            campaign="x",
            on_unknown="resend",
            settle=10,
        )
        assert (report.unknown, box.accepted()) == (20, 20)


async def test_a_resend_that_fails_leaves_the_doubt_and_the_next_run_looks_first():
    clock = ManualClock()
    async with (
        Sandbox(clock=clock, search_lag=3600) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        sms.bulk._sleep = box.advance
        kept = {**TEXT, "journal": MemoryJournal(clock=clock.time), "campaign": "x"}
        box.add_fault(Fault(path="/batch/send", when="after"))
        box.add_fault(Fault(path="/batch/send", nth=2, error_code=4021))
        report = await sms.bulk.send(**kept, destinations=drama(10), on_unknown="resend")
        assert (report.unknown, report.rejected) == (10, 0)
        await box.advance(7200)
        report = await sms.bulk.send(**kept)
        assert (report.accepted, box.accepted()) == (10, 10)


@pytest.mark.parametrize("when", ["stopped", "in doubt"])
async def test_a_round_that_is_not_done_is_gone_on_with_before_another(box, sms, journal, when):
    people = ["07700 900506", "07700 900508"]
    kept = {"journal": journal, "campaign": "x", "chunk_size": 1}
    await sms.bulk.send(**TEXT, **kept, destinations=people)
    await until(lambda: all(message.is_final for message in map(Final, box.messages)))
    fault = {"error_code": 4021} if when == "stopped" else {"when": "before"}
    box.add_fault(Fault(path="/batch/send", **fault))
    first = await sms.bulk.retry_undelivered("x", journal=journal, pause=0, concurrency=1, settle=0)
    assert not first.all_accepted
    status = await sms.bulk.status("x", journal=journal)
    assert status.settled is (when == "stopped" and status.open_again == 0)
    campaign = await sms.bulk.reconcile("x", journal=journal, settle=0)
    assert not campaign.all_accepted
    await until(lambda: all(message.is_final for message in map(Final, box.messages)))
    await sms.bulk.retry_undelivered("x", journal=journal, pause=0, settle=0)
    counts = box.accepted_by_destination()
    assert max(counts.values()) == 2 if when == "stopped" else 3


class Final:
    def __init__(self, message):
        self.is_final = message.status not in {"SENT", "SCHEDULED"}


async def test_of_two_texts_to_one_number_only_the_undelivered_is_sent_again(
    box, sms, journal, monkeypatch
):
    """Whatever the order in which the batch answers."""
    texts = ["Your code is 1", "Your parcel is there"]
    await sms.bulk.send_each(
        [{**TEXT, "destination": "07700 900001", "content": text} for text in texts],
        journal=journal,
        campaign="x",
    )
    await until(lambda: all(message.status == "DELIVERED" for message in box.messages))
    box.messages[0].status, box.messages[0].failure = "EXPIRED", 5015
    batch = type(box._service.account.archive).batch
    monkeypatch.setattr(
        type(box._service.account.archive), "batch", lambda self, name: batch(self, name)[::-1]
    )
    report = await sms.bulk.retry_undelivered("x", journal=journal, pause=0)
    assert report.accepted == 1
    assert [message.content for message in box.messages] == [*texts, texts[0]]


async def test_a_number_that_stands_there_often_gets_no_more_alike_than_the_filter_lets_pass(
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


async def test_a_typing_error_in_a_path_makes_no_journal(sms, tmp_path):
    with pytest.raises(JournalError, match="no journal at this path"):
        await sms.bulk.status("x", journal=tmp_path / "typo.db")
    assert list(tmp_path.iterdir()) == []


async def test_what_has_no_time_cannot_be_given_one(box, sms):
    at = datetime(2050, 1, 1, tzinfo=UTC)
    message = {**TEXT, "destination": "07700 900001", "at": at}
    for send in (
        lambda: sms.messages.send(**message),
        lambda: sms.messages.flash(**message),
        lambda: sms.batches.send(**TEXT, destinations=drama(2), at=at),
        lambda: sms.bulk.send(**TEXT, destinations=drama(2), at=at),
    ):
        with pytest.raises(TypeError, match="at"):
            await send()
    with pytest.raises(ValidationError, match="no field at"):
        await sms.batches.send_each([message])
    assert (await sms.bulk.send_each([message])).invalid == 1
    assert box.requests == []


async def test_unknown_options_of_a_retry_are_refused(sms, journal):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.retry_undelivered("x", journal=journal, max_credits=5)
    assert caught.value.field == "max_credits"


# Following


class Hands:
    """A sandbox whose clock is turned by whoever sleeps on it."""

    def __init__(self, box):
        self.box = box

    async def sleep(self, seconds):
        await self.box.advance(seconds)


@pytest.fixture
async def turned():
    """A sandbox that delivers after 5 seconds of its own clock, a client, and a journal."""
    clock = ManualClock()
    async with (
        Sandbox(clock=clock, delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        journal = MemoryJournal(clock=clock.time)
        more = {"journal": journal, "campaign": "x", "chunk_size": 10}
        people = ["07700 900506", *drama(24)]
        await sms.bulk.send(**TEXT, **more, destinations=people)
        yield box, sms, journal


async def test_a_campaign_is_followed_to_the_last_recipient(turned, monkeypatch):
    box, sms, journal = turned
    monkeypatch.setattr(sms.bulk, "_sleep", Hands(box).sleep)
    records = [record async for record in sms.bulk.follow("x", journal=journal)]
    assert len(records) == len({record.message_id for record in records}) == 25
    statuses = {record.destination: record.status for record in records}
    assert statuses.pop("447700900506") == "UNDELIVERED"
    assert set(statuses.values()) == {"DELIVERED"}
    # Who comes later is told of all of them at once.
    assert len([record async for record in sms.bulk.follow("x", journal=journal)]) == 25


async def test_a_report_is_quicker_than_a_look(turned, monkeypatch):
    box, sms, journal = turned
    looks = asyncio.Event()

    async def for_ever(_):
        looks.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(sms.bulk, "_sleep", for_ever)
    followed = sms.bulk.follow("x", journal=journal)
    first = asyncio.ensure_future(anext(followed))
    await looks.wait()
    batches = [b.batch_id for b in (await sms.bulk.reconcile("x", journal=journal)).batches]
    records = [record for batch in batches for record in await sms.batches.get(batch)]
    assert not any(record.is_final for record in records)
    requests = len(box.requests)
    for record in records:
        report = attrs.evolve(record, status="DELIVERED")
        sms.messages._waits.tell(record)  # SENT: no news
        sms.messages._waits.tell(report)
        sms.messages._waits.tell(report)  # twice
        sms.messages._waits.tell(attrs.evolve(report, batch_id="another"))
    told = [await first, *[record async for record in followed]]
    assert {record.message_id for record in told} == {record.message_id for record in records}
    assert len(told) == 25
    assert len(box.requests) == requests


async def test_following_ends_with_an_error_when_its_time_is_over(turned):
    _, sms, journal = turned
    now = [0.0]

    async def sleep(seconds):
        now[0] += seconds

    follower = Follower(
        journal, "x", sms.bulk._provider, sms.messages._waits, clock=lambda: now[0], sleep=sleep
    )
    with pytest.raises(StillInFlight, match="25 recipients are not final"):
        async for _ in follower.follow(20):
            pass
    assert now[0] == pytest.approx(20)
    with pytest.raises(ValidationError):
        await anext(sms.bulk.follow("x", journal=journal, timeout=-1))


async def test_following_waits_for_a_campaign_that_is_still_sent(turned, monkeypatch):
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
    monkeypatch.setattr(sms.bulk, "_sleep", sleep)
    records = [record async for record in sms.bulk.follow("y", journal=journal)]
    assert len(records) == 20


async def test_a_batch_whose_records_have_vanished_is_followed_no_longer(turned):
    box, sms, journal = turned
    for message in box.messages:
        await sms.messages.delete(message.message_id)
    assert [record async for record in sms.bulk.follow("x", journal=journal)] == []


def test_following_is_blocking_too(hosted, tmp_path):
    kept = {"journal": tmp_path / "journal.db", "campaign": "x"}
    with hosted.client() as sms:
        sms.bulk.send(**TEXT, **kept, destinations=drama(30))
        followed = sms.bulk.follow(**kept)
        assert next(followed).is_final
        assert len(list(followed)) == 29
        next(sms.bulk.follow(**kept))  # and left in the middle


async def test_following_does_not_wait_for_what_nobody_sends(turned):
    box, sms, journal = turned
    more = {"journal": journal, "campaign": "z", "chunk_size": 10}
    box.add_fault(Fault(path="/batch/send", error_code=4021))
    await sms.bulk.send(**TEXT, **more, destinations=drama(20), concurrency=1)
    now = [0.0]

    async def sleep(seconds):
        now[0] += seconds

    follower = Follower(
        journal, "z", sms.bulk._provider, sms.messages._waits, clock=lambda: now[0], sleep=sleep
    )
    with pytest.raises(StillInFlight, match="10 recipients are still to be sent to"):
        async for _ in follower.follow(None):
            pass
    assert 60 <= now[0] < 120


async def test_a_blank_cell_and_a_byte_order_mark_are_said(box, sms):
    rows = [
        {"destination": "07700 900001", "name": "  "},
        {"destination": "07700 900002", "name": ""},
        {"destination": "07700 900003", "\ufeffname": "Ada"},
    ]
    report = await sms.bulk.send_each(template="Hi {name}", rows=rows, sender="AcmeCorp")
    assert (report.invalid, box.requests) == (3, [])
    assert "utf-8-sig" in report.problems[2].message
    assert "utf-8-sig" not in report.problems[0].message
