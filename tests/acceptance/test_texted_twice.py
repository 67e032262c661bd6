"""What people did, and whom it once texted twice: now nobody, or it says so before."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    ConfigurationError,
    JournalError,
    Outcome,
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.campaigns.workers import order, worker
from support.clock import SandboxClock, use_clock
from support.fault_matrix import Line, ReleasingClock, Watched
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE
from support.waiting import PATIENCE, give_up_when_held, until


TEN = drama(10)
LOST = Fault(path="/batch/*", when="after")


def client(box, **settings):
    return AsyncSMSWorks(box.token, base_url=box.base_url, **{"retry": AT_ONCE, **settings})


def named(report, outcome):
    return {n for batch in report.batches if batch.outcome is outcome for n in batch.destinations}


def nobody_twice(box):
    return max(box.accepted_by_destination().values(), default=0) <= 1


# Texts and records that differ from what was sent, and a person who resends

FOUND, DOUBTED = (10, 0), (0, 10)
HELLO = "Hello"
KEPT_OTHERWISE = {
    "its last newline is lost": ({"rewrite": "trim"}, "Hello\n", FOUND),
    "its line ends are changed": ({"rewrite": "newlines"}, "Hello\r\nAda", FOUND),
    "its accents are composed": ({"rewrite": "nfc"}, "Cafe\u0301", FOUND),
    "its quotes are made plain": ({"rewrite": "typography"}, "It\u2019s ready\u2026", DOUBTED),
    "its links are shortened": ({"rewrite": "links"}, "See https://acme.example/a", DOUBTED),
    "all of it is changed": (
        {"rewrite": ("trim", "newlines", "nfc", "typography", "links")},
        "\u201cCafe\u0301\u201d\r\nhttps://acme.example/a\n",
        DOUBTED,
    ),
    "its batch is not shown": ({"show_batch_ids": False}, HELLO, DOUBTED),
    "its date is not shown": ({"show_dates": False}, HELLO, FOUND),
    "its batch cannot be read yet": ({"record_lag": 3600.0}, HELLO, DOUBTED),
    "the provider's clock is ahead": ({"clock_skew": 7200.0}, HELLO, FOUND),
    "the provider's clock is behind": ({"clock_skew": -7200.0}, HELLO, FOUND),
    "neither batch nor date is shown, and the text is changed": (
        {"rewrite": "typography", "show_batch_ids": False, "show_dates": False},
        "It\u2019s ready",
        DOUBTED,
    ),
}


@pytest.mark.parametrize("what", KEPT_OTHERWISE)
async def test_a_lost_batch_whose_record_differs_is_found_or_a_trace_and_never_resent(
    what, sms, box, kept
):
    settings, content, (accepted, unknown) = KEPT_OTHERWISE[what]
    box.change_storage(**settings)
    box.add_fault(LOST)
    report = await sms.bulk.send(
        **{**kept, "content": content}, destinations=TEN, on_unknown="resend"
    )
    assert nobody_twice(box)
    assert (report.accepted, report.unknown) == (accepted, unknown)
    assert report.adds_up


MARKED = {
    "trimmed": ({"rewrite": "trim"}, "Hello\n", FOUND),
    "given other line ends": ({"rewrite": "newlines"}, "Hello\r\nAda", FOUND),
    "composed": ({"rewrite": "nfc"}, "Cafe\u0301", FOUND),
    "set in plain quotes": ({"rewrite": "typography"}, "It\u2019s ready", FOUND),
    "shortened in its links": ({"rewrite": "links"}, "See https://acme.example/a", FOUND),
    "shown with its marks": ({"show_metadata": True}, "See https://acme.example/a", FOUND),
    "kept where marks cannot be searched for": (
        {"rewrite": "links", "filter_metadata": False},
        "See https://acme.example/a",
        DOUBTED,
    ),
}


@pytest.mark.parametrize("template", [False, True])
@pytest.mark.parametrize("what", MARKED)
async def test_a_lost_text_for_each_is_found_by_its_marks_though_it_was_kept_otherwise(
    what, template, sms, box, journal
):
    settings, content, (accepted, unknown) = MARKED[what]
    box.change_storage(**settings)
    box.add_fault(LOST)
    rows = [{"destination": number, "name": f"{i}"} for i, number in enumerate(TEN)]
    if template:
        fields = {"template": f"{{name}} {content}", "rows": rows, "sender": "AcmeCorp"}
    else:
        texts = [f"{row['name']} {content}" for row in rows]
        fields = {
            "messages": [
                {"sender": "AcmeCorp", "destination": row["destination"], "content": text}
                for row, text in zip(rows, texts, strict=True)
            ]
        }
    report = await sms.bulk.send_each(**fields, journal=journal, campaign="x", on_unknown="resend")
    assert nobody_twice(box)
    assert (report.accepted, report.unknown) == (accepted, unknown)


# A journal that was restored from a copy

TWENTY = drama(20)


def backup(path, copy):
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


async def copied_while_it_ran(sms, path, clock, nth):
    """Run a campaign of five chunks to its end, with a copy of its file made before a claim."""
    copy = path.with_name("copy.db")

    async def happens():
        backup(path, copy)

    journal = Watched(path, clock=clock, happens=happens, nth=nth)
    report = await sms.bulk.send(
        **TEXT_TO_MANY,
        destinations=TWENTY,
        journal=journal,
        campaign="x",
        chunk_size=4,
        concurrency=1,
    )
    await journal.close()
    assert report.accepted == 20
    return copy


async def damaged(path, clock):
    """Lose a file's end, and return what an attempt to use it says."""
    with path.open("r+b") as file:
        file.truncate(file.seek(0, 2) // 2)
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(JournalError) as caught:
        await journal.summary("x")
    await journal.close()
    return str(caught.value)


async def test_a_damaged_journal_is_replaced_by_a_copy_reconciled_as_one_and_run_again(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    said = await damaged(path, clock)
    assert "restored=True" in said, "whoever follows the error's advice texts nobody twice"
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    posts = len([r for r in box.requests if r.path == "/batch/send"])
    report = await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert report.accepted == 20, "what was sent after the copy was made is found"
    kept = {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 4}
    again = await sms.bulk.send(**kept, destinations=TWENTY, on_unknown="resend")
    await journal.close()
    assert again.accepted == 20
    assert nobody_twice(box)
    assert len([r for r in box.requests if r.path == "/batch/send"]) == posts == 5


async def test_what_a_copy_has_pending_and_nobody_sent_is_sent_after_it_was_reconciled(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    copy = tmp_path / "copy.db"

    async def happens():  # the disk fails before the third claim, when one more was sent
        raise JournalError("the disk is broken")

    class Failing(Watched):
        async def claim_next(self, *args, **kwargs):
            if self.starts == 1:
                backup(path, copy)
            return await super().claim_next(*args, **kwargs)

    kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 4, "concurrency": 1}
    journal = Failing(path, clock=clock, happens=happens, nth=3)
    with pytest.raises(JournalError):
        await sms.bulk.send(**kept, journal=journal, destinations=TWENTY)
    await journal.close()
    assert box.accepted() == 8
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    report = await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert (report.accepted, report.unknown, report.not_sent) == (8, 0, 12)
    report = await sms.bulk.send(**kept, journal=journal)
    await journal.close()
    assert report.accepted == box.accepted() == 20
    assert nobody_twice(box)


@pytest.mark.parametrize(
    "settings",
    [{"rewrite": "trim"}, {"show_batch_ids": False}, {"rewrite": "typography"}],
    ids=str,
)
async def test_a_trace_of_what_a_copy_has_pending_keeps_it_from_being_sent(
    tmp_path, sms, box, clock, settings
):
    path = tmp_path / "campaigns.db"
    box.change_storage(**settings)
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    await sms.bulk.reconcile("x", journal=journal, restored=True)
    kept = {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 4}
    report = await sms.bulk.send(**kept, on_unknown="resend")
    await journal.close()
    assert nobody_twice(box)
    assert report.accepted + report.unknown == 20


async def test_a_copy_that_nobody_says_is_one_is_sent_again_as_the_docs_say(
    tmp_path, sms, box, clock
):
    """`send` cannot recognise it: the risk that `restored=True` is there for."""
    path = tmp_path / "campaigns.db"
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    await sms.bulk.send(**TEXT_TO_MANY, journal=journal, campaign="x", chunk_size=4)
    await journal.close()
    assert Counter(box.accepted_by_destination().values()) == {1: 4, 2: 16}


async def test_a_copy_that_was_made_during_planning_is_refused_since_it_lacks_recipients(
    tmp_path, sms, box, clock
):
    path, copy = tmp_path / "campaigns.db", tmp_path / "copy.db"

    def broken_off():
        yield from TWENTY[:12]
        raise OSError

    kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 4}
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(BulkInterrupted):
        await sms.bulk.send(**kept, journal=journal, destinations=broken_off())
    backup(path, copy)
    await sms.bulk.send(**kept, journal=journal, destinations=TWENTY)
    await journal.close()
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(ValidationError, match="still being planned") as caught:
        await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert caught.value.field == "campaign"
    assert (await sms.bulk.status("x", journal=journal)).unknown == 0, "nothing has changed"
    await journal.close()
    assert nobody_twice(box)


async def test_a_round_that_a_copy_may_not_know_is_not_sent_again(tmp_path):
    path, copy = tmp_path / "campaigns.db", tmp_path / "copy.db"
    async with Sandbox(clock=ManualClock()) as box, client(box) as sms:
        clock = SandboxClock(box)
        use_clock(sms, clock)
        journal = SQLiteJournal(path, clock=clock)
        await sms.bulk.send(
            **TEXT_TO_MANY, destinations=["07700 900506"], journal=journal, campaign="x"
        )
        await box.advance(2000)
        backup(path, copy)
        await sms.bulk.retry_undelivered("x", journal=journal, attempts=2)
        await box.advance(2000)
        await journal.close()
        copy.replace(path)
        journal = SQLiteJournal(path, clock=clock)
        await sms.bulk.reconcile("x", journal=journal, restored=True)
        with pytest.raises(ValidationError, match="restored from a copy"):
            await sms.bulk.retry_undelivered("x", journal=journal, attempts=2)
        await journal.close()
        assert box.accepted("07700 900506") == 2


# A clock that is set while a request is on its way

CAMPAIGN = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 10, "settle": 0}


async def test_the_clock_is_set_forward_while_a_request_is_on_its_way_and_another_run_resends(
    tmp_path,
):
    """Its lease is over by the wall's clock at once; by the other run's own watch it is not."""
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="late")]) as box:
        clock = ReleasingClock(box)
        async with client(box) as first, client(box) as second:
            use_clock(second, clock)
            one, other = (SQLiteJournal(path, clock=clock) for _ in range(2))
            run = asyncio.create_task(first.bulk.send(**CAMPAIGN, journal=one, destinations=TEN))
            await until(lambda: box.requests)
            clock.set_ahead(120)
            clock.holding = True  # it is accepted while the other run watches
            began = clock.monotonic()
            report = await second.bulk.send(**CAMPAIGN, journal=other, on_unknown="resend")
            watched = clock.monotonic() - began
            if clock.holding:
                box.release()
            late = await run
            await one.close()
            await other.close()
        assert nobody_twice(box)
        assert report.accepted == late.accepted == box.accepted() == 10
        assert report.accepted_twice == late.accepted_twice == 0
    assert watched >= 68, "for the lease (38.5 s) and for one request's time (30 s)"


async def test_a_known_double_is_counted_and_named_in_every_report(tmp_path):
    """The search shows nothing, somebody resends all the same, and then the first answer comes."""
    path = tmp_path / "campaigns.db"
    hold = Fault(path="/batch/send", when="hold")
    async with Sandbox(faults=[hold], search_lag=1e6) as box:
        clock = ReleasingClock(box)
        async with client(box) as first, client(box) as second:
            use_clock(second, clock)
            one, other = (SQLiteJournal(path, clock=clock) for _ in range(2))
            run = asyncio.create_task(first.bulk.send(**CAMPAIGN, journal=one, destinations=TEN))
            await until(lambda: box.accepted() == 10)
            clock.set_ahead(60)
            await second.bulk.send(**CAMPAIGN, journal=other, on_unknown="resend")
            assert Counter(box.accepted_by_destination().values()) == {2: 10}
            box.release()
            reports = [await run]
            reports.append(await second.bulk.reconcile("x", journal=other, settle=0))
            await one.close()
            await other.close()
        batches = {message.batch_id for message in box.messages}
        texted = set(box.accepted_by_destination())
    for report in reports:
        assert report.adds_up
        assert (report.accepted, report.accepted_twice) == (10, 10)
        (batch,) = report.batches
        assert {batch.batch_id, *batch.doubles} == batches
        assert set(batch.destinations) == texted


@pytest.mark.parametrize("wrong", [-3600, -600, 600])
async def test_a_clock_that_was_wrong_for_the_request_is_set_right_before_somebody_resends(
    tmp_path, wrong
):
    ahead = [wrong]
    async with Sandbox(clock=ManualClock(), faults=[LOST]) as box, client(box) as sms:

        async def sleep(seconds):
            await box.advance(seconds)
            await sms.credits.balance()  # which tells the provider's time anew

        use_clock(sms, SandboxClock(box), sleep=sleep)
        await sms.credits.balance()  # any answer tells the provider's time
        path = tmp_path / "campaigns.db"
        journal = SQLiteJournal(path, clock=lambda: box.now + ahead[0])
        box.add_fault(Fault(path="/messages", status=403, times=0))
        report = await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
        assert report.unknown == 10
        box.clear_faults()
        ahead[0] = 0
        await sms.bulk.send(**CAMPAIGN, journal=journal, on_unknown="resend")
        await journal.close()
        assert nobody_twice(box)


# Time-outs without an end


async def test_without_a_time_out_a_campaigns_request_is_given_up_and_found(tmp_path):
    """It has a limit of its own, so that the lease outlives it."""
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="late")]) as box:
        clock = ReleasingClock(box)
        journal = SQLiteJournal(path, clock=clock)
        async with client(box, timeout=None) as sms:
            use_clock(sms, clock)
            give_up_when_held(box, sms)
            async with asyncio.timeout(PATIENCE):
                first = await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
            assert first.unknown == 10
            clock.holding = True
            report = await sms.bulk.send(**CAMPAIGN, journal=journal, on_unknown="resend")
        await journal.close()
        assert nobody_twice(box)
        assert report.accepted == box.accepted() == 10


@pytest.mark.parametrize(
    ("timeout", "limit"), [(None, 300.0), (30, 30.0), (3600, 3600.0), (1e7, 1e7)]
)
async def test_a_lease_outlives_the_longest_request_whatever_the_time_out(
    box, clock, timeout, limit
):
    given = []
    journal = MemoryJournal(clock=clock)
    async with client(box, timeout=timeout) as sms:
        limited = sms._requester.limited

        def noting(seconds):
            given.append(seconds)
            return limited(seconds)

        sms._requester.limited = noting
        await sms.bulk.send(**CAMPAIGN, journal=journal, destinations=TEN)
    (entry,) = await journal.chunks("x")
    assert limit in given
    assert entry.lease_seconds > limit
    assert entry.lease_seconds == pytest.approx(limit * 1.25 + 1)


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), 1e300, 10**400, 0, -1, True])
def test_a_time_out_that_never_ends_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        AsyncSMSWorks("JWT eyJ", timeout=timeout)


async def test_a_run_with_an_hour_for_each_request_is_killed_and_found_when_that_is_over(tmp_path):
    path = tmp_path / "campaigns.db"
    async with Sandbox(faults=[Fault(path="/batch/send", when="hold")]) as box:
        process = await worker(
            order(box, path, timeout=3600, destinations=TEN, chunk_size=10, concurrency=1)
        )
        await until(lambda: box.accepted() == 10)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        box.release()
        clock = ReleasingClock(box)
        journal = SQLiteJournal(path, clock=clock)
        async with client(box) as sms:
            use_clock(sms, clock)
            run = {**CAMPAIGN, "journal": journal, "on_unknown": "resend"}
            early = await sms.bulk.send(**run)
            assert named(early, Outcome.UNKNOWN) == set(box.accepted_by_destination())
            clock.set_ahead(7200)
            report = await sms.bulk.send(**run)
        await journal.close()
        assert nobody_twice(box)
        assert report.accepted == box.accepted() == 10


# A refusal that names what it accepted

REFUSALS = {
    400: {"error_code": 5006},
    429: {"status": 429, "retry_after": 0},
    503: {"status": 503, "error_code": 5002, "permanent": False},
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_with_an_id_is_no_reason_to_send_again(box, sms, status):
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True, "times": 0, "path": "*"}
    box.add_fault(fault)
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.messages.send(**TEXT)
    assert box.accepted() == len(box.requests) == 1
    assert caught.value.message_id == box.messages[0].message_id
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.batches.send(**TEXT_TO_MANY, destinations=TEN)
    assert box.accepted() == 11
    assert caught.value.batch_id == box.messages[-1].batch_id


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_batch_that_a_refusal_names_is_read_where_the_search_shows_nothing(
    box, sms, kept, status
):
    box.change_storage(search_lag=1e6)
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True}
    box.add_fault({**fault, "path": "/batch/send", "times": 1})
    report = await sms.bulk.send(**kept, destinations=TEN, on_unknown="resend")
    assert nobody_twice(box)
    assert report.accepted == box.accepted() == 10
    assert report.batches[0].batch_id == box.messages[0].batch_id


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_batch_that_a_refusal_names_and_nobody_finds_is_never_resent(
    box, sms, kept, status
):
    box.change_storage(search_lag=1e6, record_lag=1e6)
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True}
    box.add_fault({**fault, "path": "/batch/send", "times": 1})
    report = await sms.bulk.send(**kept, destinations=TEN, on_unknown="resend")
    assert nobody_twice(box)
    assert report.unknown == box.accepted() == 10


# A session of the caller's own, and a server that speaks unasked

GHOST = b'{"messageid": "GHOST", "batchid": "GHOST", "status": "SENT", "credits": 666}'


class Haunted(Line):
    """A line that says something unasked on every connection that is kept."""

    def __init__(self, box):
        super().__init__(box, "hangs up")
        self._hang_ups = 0
        self._writers = []

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        await super()._serve(reader, writer)

    async def speak(self, session):
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(
                    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(GHOST), GHOST)
                )
                await writer.drain()
        kept = session.connector._conns.values()
        await until(lambda: all(protocol.should_close for k in kept for protocol, _ in k))


async def test_what_a_server_says_unasked_is_taken_for_no_answer_in_a_session_of_ones_own(box):
    async with (
        Haunted(box) as line,
        aiohttp.ClientSession() as session,
        AsyncSMSWorks(box.token, base_url=line.base_url, session=session, retry=AT_ONCE) as sms,
    ):
        await sms.messages.send(**TEXT)
        await line.speak(session)
        sent = await sms.messages.send(**TEXT)
        assert sent.message_id == box.messages[-1].message_id
        assert box.accepted() == 2
        await line.speak(session)
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(30, start=200), chunk_size=10, concurrency=1
        )
        assert report.accepted == 30
        assert box.accepted() == 32
        assert "GHOST" not in {batch.batch_id for batch in report.batches}


# A file that is deleted or replaced under a running campaign


@pytest.mark.parametrize("how", ["deleted", "deleted with its log", "replaced"])
async def test_a_file_vanishes_under_a_campaign_and_another_process_begins(
    tmp_path, box, clock, how
):
    """The new process texts everybody, as the docs say, and the old one sends nothing more.

    Where the log of the old file lies beside the new one, SQLite need not open it.
    """
    path, other = tmp_path / "campaigns.db", tmp_path / "other.db"
    sent, others = [], []

    async def happens():
        sent.extend(message.destination for message in box.messages)
        if how == "replaced":
            empty = SQLiteJournal(other)
            await empty.add_seen("1", "DELIVERED")
            await empty.close()
            other.replace(path)
        else:
            path.unlink()
        if how != "deleted":
            for beside in ("-wal", "-shm"):
                (tmp_path / f"campaigns.db{beside}").unlink()
        process = await worker(order(box, path, destinations=TWENTY, chunk_size=4))
        others.append(await process.wait())

    journal = Watched(path, clock=clock, happens=happens, nth=3)
    async with client(box) as sms:
        use_clock(sms, clock)
        with pytest.raises(JournalError, match="deleted or replaced"):
            await sms.bulk.send(
                **TEXT_TO_MANY,
                destinations=TWENTY,
                journal=journal,
                campaign="x",
                chunk_size=4,
                concurrency=1,
            )
    await journal.close()
    assert len(sent) == 8
    twice = {n for n, count in box.accepted_by_destination().items() if count == 2}
    assert max(box.accepted_by_destination().values()) <= 2
    if others == [0]:
        assert twice == set(sent)
        assert len(box.accepted_by_destination()) == 20
    else:
        assert how == "deleted"
        assert not twice


async def test_a_second_campaign_cannot_begin_in_a_file_that_took_the_place_of_an_open_one(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    first = SQLiteJournal(path, clock=clock)
    await sms.bulk.send(**CAMPAIGN, journal=first, destinations=TEN)
    path.unlink()
    with pytest.raises(JournalError, match="deleted or replaced"):
        await sms.bulk.send(**CAMPAIGN, journal=path, destinations=TEN)
    assert not path.exists()
    await first.close()
    assert nobody_twice(box)


# A relative path, and a folder that is another


async def test_a_relative_path_stays_in_the_folder_in_which_it_was_given(
    tmp_path, sms, box, monkeypatch
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)

    def wander(_):
        os.chdir(elsewhere)

    run = {**CAMPAIGN, "chunk_size": 5, "concurrency": 1}
    journal = SQLiteJournal("campaigns.db")
    await sms.bulk.send(**run, journal=journal, destinations=TEN, progress=wander)
    assert (await sms.bulk.send(**run, journal=journal, destinations=TEN)).accepted == 10
    await journal.close()
    assert box.accepted() == 10
    assert not list(elsewhere.iterdir())


async def test_a_relative_path_from_another_folder_is_another_file_and_the_log_says_so(
    tmp_path, sms, box, monkeypatch, caplog
):
    """As from cron, whose folder is another; an absolute path goes on with the campaign."""
    caplog.set_level(logging.INFO, logger="smsworks_async.bulk")
    run = {**CAMPAIGN, "destinations": TEN}
    folders = [tmp_path / "mine", tmp_path / "crons"]
    for folder in folders:
        folder.mkdir()
        monkeypatch.chdir(folder)
        caplog.clear()
        await sms.bulk.send(**run, journal="campaigns.db")
        assert str(folder / "campaigns.db") in caplog.text
        assert "a new file" in caplog.text
    assert Counter(box.accepted_by_destination().values()) == {2: 10}, "as the docs say"
    caplog.clear()
    report = await sms.bulk.send(**run, journal=folders[0] / "campaigns.db")
    assert report.accepted == 10
    assert box.accepted() == 20
    assert str(folders[0] / "campaigns.db") in caplog.text
    assert "a new file" not in caplog.text
