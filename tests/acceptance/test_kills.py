"""Campaigns whose processes are killed and stopped: no recipient is texted twice or lost."""

from __future__ import annotations

import json
import os
import random
import signal

import pytest

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.campaigns.workers import CHUNK, CHUNKS, PEOPLE, order, set_ahead, worker
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY
from support.reports import named
from support.sandboxes import AT_ONCE
from support.waiting import until, when_held


_moments = random.Random(20310501)
#: 25 moments: around the intent, around the record, and while the server holds the answer.
KILLS = [
    (where, _moments.randint(1, CHUNKS))
    for where in (
        *("before start", "after start", "before finish", "after finish"),
        "held after accepting",
    )
    for _ in range(5)
]


def is_stopped(process):
    """Return whether a process is stopped, without reaping it."""
    asked = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, asked) is not None


async def killed(box, path, where, nth):
    """Run a campaign until it is killed at a moment."""
    if where == "held after accepting":
        box.add_fault(Fault(path="/batch/send", nth=nth, when="hold"))
        process = await worker(order(box, path))
        await until(lambda: len(box.requests) >= nth and box.accepted() >= nth * CHUNK, process)
        process.kill()
    else:
        fate = {"where": where, "nth": nth, "signal": "SIGKILL"}
        process = await worker(order(box, path, fate=fate))
    assert await process.wait() == -signal.SIGKILL
    box.clear_faults()
    box.release()


async def run_again(box, path, **options):
    clock = FakeClock()
    journal = SQLiteJournal(path, clock=clock)
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        use_clock(sms, clock)
        report = await sms.bulk.send(
            **TEXT_TO_MANY,
            destinations=PEOPLE,
            chunk_size=CHUNK,
            journal=journal,
            campaign="x",
            settle=0,
            **options,
        )
    await journal.close()
    assert report.adds_up
    assert report.read == len(PEOPLE)
    return report


@pytest.mark.parametrize(("where", "nth"), KILLS)
async def test_after_a_kill_resending_reaches_everybody_once(tmp_path, where, nth):
    async with Sandbox() as box:
        await killed(box, tmp_path / "journal.db", where, nth)
        report = await run_again(box, tmp_path / "journal.db", on_unknown="resend")
        counts = box.accepted_by_destination()
    assert report.accepted == len(PEOPLE)
    assert set(counts) == set(PEOPLE)
    assert set(counts.values()) == {1}


@pytest.mark.parametrize(("where", "nth"), KILLS)
async def test_after_a_kill_reporting_doubles_nobody_and_names_whom_it_doubts(tmp_path, where, nth):
    async with Sandbox() as box:
        await killed(box, tmp_path / "journal.db", where, nth)
        report = await run_again(box, tmp_path / "journal.db")
        counts = box.accepted_by_destination()
    assert set(counts.values()) == {1}
    # Accepted recipients were found; exactly the others are reported.
    assert report.accepted == len(counts)
    assert set(named(report, Outcome.UNKNOWN)) == set(PEOPLE) - set(counts)
    assert report.unknown < 4 * CHUNK  # no more than were in flight


@pytest.mark.parametrize(("where", "nth"), KILLS[::5])
async def test_where_the_search_lags_behind_reporting_still_doubles_nobody(tmp_path, where, nth):
    async with Sandbox(search_lag=1e6) as box:
        await killed(box, tmp_path / "journal.db", where, nth)
        report = await run_again(box, tmp_path / "journal.db")
        counts = box.accepted_by_destination()
    assert set(counts.values()) == {1}
    unknown = set(named(report, Outcome.UNKNOWN))
    assert set(PEOPLE) - set(counts) <= unknown
    assert report.accepted + len(unknown) == len(PEOPLE)


async def test_where_the_search_lags_behind_resending_doubles_as_the_docs_say(tmp_path):
    """The risk that is explicitly accepted."""
    async with Sandbox(search_lag=1e6) as box:
        await killed(box, tmp_path / "journal.db", "held after accepting", 10)
        await run_again(box, tmp_path / "journal.db", on_unknown="resend")
        counts = box.accepted_by_destination()
    assert set(counts) == set(PEOPLE)
    assert max(counts.values()) == 2


async def test_a_killed_plan_is_gone_on_with(tmp_path):
    async with Sandbox() as box:
        await killed(box, tmp_path / "journal.db", "before start", 1)
        assert box.requests == []
        report = await run_again(box, tmp_path / "journal.db")
        assert report.accepted == box.accepted() == len(PEOPLE)


@pytest.mark.parametrize("when", ["after", "mid", "before"])
async def test_every_fifth_answer_is_dropped_and_nobody_is_texted_twice_or_lost(tmp_path, when):
    async with Sandbox(faults=[Fault(path="/batch/send", every=5, when=when)]) as box:
        report = await run_again(box, tmp_path / "journal.db", on_unknown="resend")
        counts = box.accepted_by_destination()
    assert report.accepted == len(PEOPLE) == len(counts)
    assert set(counts.values()) == {1}


async def test_processes_share_a_campaign_chunk_by_chunk(tmp_path):
    async with Sandbox() as box:
        path = tmp_path / "journal.db"
        processes = [await worker(order(box, path)) for _ in range(3)]
        reports = [json.loads(await process.stdout.read()) for process in processes]
        assert [await process.wait() for process in processes] == [0, 0, 0]
        assert set(box.accepted_by_destination().values()) == {1}
        assert box.accepted() == len(PEOPLE)
        assert len([r for r in box.requests if r.path == "/batch/send"]) == CHUNKS
    assert all(report["accepted"] == len(PEOPLE) and report["adds_up"] for report in reports)


@pytest.mark.parametrize("where", ["after start", "held after accepting", "held before accepting"])
async def test_one_of_three_processes_is_stopped_for_longer_than_its_lease(tmp_path, where):
    """The others mark its chunk unknown after the lease; its later actions text no one twice."""
    async with Sandbox() as box:
        path = tmp_path / "journal.db"
        set_ahead(path, 0)
        # The lease is 1501 seconds, and ends when the clocks are set ahead.
        given = order(box, path, timeout=1200, ahead=str(path.with_name("ahead")))
        if where == "after start":
            fate = {"where": where, "nth": 7, "signal": "SIGSTOP"}
            first = await worker({**given, "fate": fate, "concurrency": 1})
            await until(lambda: is_stopped(first), first)
        else:
            when = "hold" if where == "held after accepting" else "hang"
            box.add_fault(Fault(path="/batch/send", nth=7, when=when))
            held = []
            when_held(box, lambda: held.append(True))
            # One at a time, so that it is not stopped within a transaction, with the file locked.
            first = await worker({**given, "concurrency": 1})
            await until(lambda: held, first)
            first.send_signal(signal.SIGSTOP)
        others = [await worker(given) for _ in range(2)]
        everybody_else = (CHUNKS - 1) * CHUNK + (where == "held after accepting") * CHUNK
        await until(lambda: box.accepted() >= everybody_else, *others)
        set_ahead(path, 2000)
        reports = [json.loads(await process.stdout.read()) for process in others]
        box.clear_faults()
        box.release()
        first.send_signal(signal.SIGCONT)
        last = json.loads(await first.stdout.read())
        assert [await process.wait() for process in (first, *others)] == [0, 0, 0]
        counts = box.accepted_by_destination()
    assert set(counts.values()) == {1}
    for report in (*reports, last):
        assert report["adds_up"]
        assert report["read"] == len(PEOPLE)
    lost = set(PEOPLE) - set(counts)
    assert lost <= {*last["unknown"], *last["not_sent"]}
