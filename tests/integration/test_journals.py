"""Both journals keep the same promises; the file keeps them through what happens to files."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from smsworks_async import (
    BatchOutcome,
    ConfigurationError,
    InsufficientCredit,
    JournalError,
    NotSent,
    Outcome,
    OutcomeUnknown,
    Problem,
    Reason,
    ValidationError,
)
from smsworks_async.bulk.journals import (
    Campaign,
    Journal,
    MemoryJournal,
    PlannedChunk,
    SQLiteJournal,
    State,
    Totals,
    open_journal,
)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


CAMPAIGN = Campaign(
    id="x",
    kind="send",
    message={"sender": "AcmeCorp", "content": "Hello"},
    chunk_size=2,
    deduplicate=True,
)
CHUNKS = [
    PlannedChunk(number=0, items="a,b", positions="0-1", size=2, abroad=False, credits=2.0),
    PlannedChunk(number=1, items="c,d", positions="2,4", size=2, abroad=True, credits=4.0),
    PlannedChunk(number=2, items="e", positions="5", size=1, abroad=False, credits=1.0),
]
PROBLEMS = [
    Problem(3, {"destination": "nobody"}, Reason.INVALID, "it is no number", code=4004),
    Problem(6, "a", Reason.DUPLICATE, "it was there"),
]
TOTALS = Totals(read=7, set_aside={Reason.INVALID: 1, Reason.DUPLICATE: 1}, chunks=3)
LATE = OutcomeUnknown("lost", operation="x")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path, clock):
    made = (
        MemoryJournal(clock=clock)
        if request.param == "memory"
        else SQLiteJournal(tmp_path / "journal.db", clock=clock)
    )
    yield made
    await made.close()


@pytest.fixture
async def planned(journal):
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.planned("x", TOTALS)
    return journal


async def start(journal, after=-1, *, abroad=True, round=0, owner="me"):
    return await journal.start(
        "x", owner=owner, lease=10.0, round=round, after=after, abroad=abroad
    )


def ended(number, outcome, *, batch_id=None, error=None):
    return BatchOutcome(number, outcome, 2, batch_id=batch_id, error=error)


async def finish(journal, claim, outcome, **more):
    number = claim.entry.number
    return await journal.finish("x", number, claim.entry.attempt, ended(number, outcome, **more))


def test_both_are_journals():
    assert isinstance(MemoryJournal(), Journal)
    assert isinstance(SQLiteJournal("unused.db"), Journal)


async def test_a_plan_can_be_kept_again_and_again(planned):
    await planned.begin(CAMPAIGN)
    await planned.plan("x", CHUNKS, PROBLEMS)
    await planned.planned("x", TOTALS)
    summary = await planned.summary("x")
    assert summary.campaign == attrs.evolve(CAMPAIGN, totals=TOTALS)
    assert summary.states[State.PENDING].recipients == 5
    assert summary.states[State.PENDING].credits == 7.0
    assert [entry.number for entry in await planned.entries("x")] == [0, 1, 2]
    assert await planned.problems("x") == PROBLEMS
    assert await planned.problems("x", after=3) == PROBLEMS[1:]
    assert await planned.entries("x", after=0, limit=1) == (await planned.entries("x"))[1:2]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message": {**CAMPAIGN.message, "content": "Hi"}}, "content"),
        ({"message": {**CAMPAIGN.message, "tag": "t"}}, "tag"),
        ({"kind": "send_each"}, "kind"),
        ({"chunk_size": 3}, "chunk_size"),
        ({"deduplicate": False}, "deduplicate"),
    ],
)
async def test_another_campaign_of_the_same_name_is_refused(planned, change, field):
    with pytest.raises(ValidationError) as caught:
        await planned.begin(attrs.evolve(CAMPAIGN, **change))
    assert caught.value.field == field
    assert "Hi" not in str(caught.value)


async def test_other_recipients_are_refused_and_change_nothing(planned):
    others = [
        [attrs.evolve(CHUNKS[0], items="a,z")],
        [attrs.evolve(CHUNKS[2], positions="6")],
        [attrs.evolve(CHUNKS[0], number=3)],
    ]
    for chunks in others:
        with pytest.raises(ValidationError) as caught:
            await planned.plan("x", chunks, [])
        assert caught.value.field == "destinations"
    with pytest.raises(ValidationError):
        await planned.planned("x", attrs.evolve(TOTALS, read=8))
    assert (await planned.summary("x")).states[State.PENDING].chunks == 3


async def test_a_campaign_that_is_not_there_is_refused(journal):
    for ask in (journal.summary, journal.stalled, journal.entries):
        with pytest.raises(ValidationError) as caught:
            await ask("nowhere")
        assert caught.value.field == "campaign"


async def test_a_chunk_is_started_for_one_alone_in_order(planned):
    claims = await asyncio.gather(*(start(planned, owner=str(n)) for n in range(5)))
    started = [claim for claim in claims if claim is not None]
    assert sorted(claim.entry.number for claim in started) == [0, 1, 2]
    assert {(c.entry.number, c.items, c.positions) for c in started} == {
        (0, "a,b", "0-1"),
        (1, "c,d", "2,4"),
        (2, "e", "5"),
    }
    assert all(claim.entry.attempt == 1 for claim in started)


async def test_chunks_abroad_and_of_other_rounds_are_left_out_where_asked(planned):
    assert (await start(planned, after=0, abroad=False)).entry.number == 2
    assert await start(planned, round=1) is None
    assert (await start(planned, after=0)).entry.number == 1


async def test_what_came_of_a_request_is_kept_with_its_error(planned):
    claim = await start(planned)
    await finish(planned, claim, Outcome.REJECTED, error=InsufficientCredit("no", status=402))
    (entry,) = await planned.entries("x", limit=1)
    assert entry.state is State.REJECTED
    assert isinstance(entry.error, InsufficientCredit)
    assert await planned.reopen("x", 0) == 1
    assert await planned.reopen("x", 0) == 0
    claim = await start(planned)
    assert claim.entry.attempt == 2
    entry = await finish(planned, claim, Outcome.ACCEPTED, batch_id="7")
    assert (entry.state, entry.batch_id, entry.error) == (State.ACCEPTED, "7", None)
    assert await planned.holds("x", "7")
    assert not await planned.holds("x", "8")


async def test_what_did_not_leave_is_pending_again(planned):
    claim = await start(planned)
    await finish(planned, claim, Outcome.NOT_SENT, error=NotSent("no connection"))
    assert (await start(planned)).entry.number == 0


async def test_a_lease_that_has_ended_leaves_a_doubt_that_can_be_settled_once(planned, clock):
    first, second = await start(planned), await start(planned)
    assert await planned.stalled("x") == []
    assert (await planned.summary("x")).lease == 10.0
    clock.now += 10.0
    assert [entry.number for entry in await planned.stalled("x")] == [0, 1]
    assert (await planned.summary("x")).lease is None
    assert await planned.found("x", 0, 1, "7")
    assert not await planned.found("x", 0, 1, "7")
    assert not await planned.found("x", 1, 1, "7"), "a batch belongs to one chunk"
    assert not await planned.resend("x", 1, 1, 5.0)
    clock.now += 5.0
    assert await planned.now() == clock.now
    assert await planned.resend("x", 1, 1, 5.0)
    assert not await planned.resend("x", 1, 1, 5.0)
    assert (await start(planned)).entry.attempt == 2
    # What the first two say now is too late, unless it is good news.
    assert (await finish(planned, first, Outcome.UNKNOWN, error=LATE)).state is State.ACCEPTED
    assert (await finish(planned, second, Outcome.UNKNOWN, error=LATE)).state is State.SENDING
    late = await finish(planned, second, Outcome.ACCEPTED, batch_id="8")
    assert (late.state, late.batch_id) == (State.ACCEPTED, "8")


async def test_two_halves_take_the_place_of_a_refused_chunk(planned):
    claim = await start(planned)
    halves = [
        PlannedChunk(number=0, items="a", positions="0", size=1, abroad=False, credits=1.0),
        PlannedChunk(number=0, items="b", positions="1", size=1, abroad=False, credits=1.0),
    ]
    assert await planned.split("x", 0, claim.entry.attempt, halves) == [3, 4]
    assert await planned.split("x", 0, claim.entry.attempt, halves) == ()
    summary = await planned.summary("x")
    assert summary.states[State.PENDING].recipients == 5
    assert State.SPLIT not in summary.states
    assert (await planned.claim("x", 4)).items == "b"
    await planned.plan("x", CHUNKS, PROBLEMS)  # the plan is still the same


async def test_a_round_is_kept_once(planned):
    assert await planned.plan_again("x", 1, [CHUNKS[2]])
    assert not await planned.plan_again("x", 1, [CHUNKS[2]])
    summary = await planned.summary("x")
    assert (summary.campaign.round, summary.again[State.PENDING].recipients) == (1, 1)
    assert (await start(planned, round=1)).entry.number == 3


async def test_a_round_is_not_begun_before_the_one_before_it_is_done(planned):
    assert await planned.plan_again("x", 1, [CHUNKS[2]])
    assert not await planned.plan_again("x", 2, [CHUNKS[2]])
    claim = await start(planned, round=1)
    broke = InsufficientCredit("no", status=402, code=4021)
    await finish(planned, claim, Outcome.REJECTED, error=broke)
    assert not await planned.plan_again("x", 2, [CHUNKS[2]])
    assert await planned.reopen("x", 0) == 0
    assert await planned.reopen("x", 1) == 1
    await finish(planned, await start(planned, round=1), Outcome.ACCEPTED, batch_id="7")
    assert await planned.plan_again("x", 2, [CHUNKS[2]])


async def test_a_batch_that_was_found_goes_to_the_chunk_that_is_answered_with_it(journal, clock):
    """Of two chunks with the same recipients, the one that was answered has it."""
    twins = [attrs.evolve(CHUNKS[0], number=n, positions=f"{2 * n}-{2 * n + 1}") for n in (0, 1)]
    await journal.begin(CAMPAIGN)
    await journal.plan("x", twins, [])
    first, second = await start(journal), await start(journal)
    await finish(journal, first, Outcome.UNKNOWN, error=LATE)
    assert not await journal.found("x", 0, 1, "7"), "it may be its twin's, which is being sent"
    await finish(journal, second, Outcome.UNKNOWN, error=LATE)
    assert await journal.found("x", 0, 1, "7")
    await finish(journal, second, Outcome.ACCEPTED, batch_id="7")
    states = {entry.number: (entry.state, entry.batch_id) for entry in await journal.entries("x")}
    assert states == {0: (State.UNKNOWN, None), 1: (State.ACCEPTED, "7")}


async def test_what_was_resent_stays_in_doubt_until_it_is_accepted(planned, clock):
    claim = await start(planned)
    await finish(planned, claim, Outcome.UNKNOWN, error=LATE)
    clock.now += 100
    assert await planned.resend("x", 0, 1, 5.0)
    assert await planned.reopen("x", 0) == 1  # another run decides by itself
    assert [entry.number for entry in await planned.stalled("x")] == [0]
    assert await planned.resend("x", 0, 1, 5.0)
    claim = await start(planned)
    assert await planned.split("x", 0, 2, CHUNKS[:2]) == ()
    broke = InsufficientCredit("no", status=402, code=4021)
    entry = await finish(planned, claim, Outcome.REJECTED, error=broke)
    assert entry.state is State.UNKNOWN
    assert await planned.reopen("x", 0) == 0


async def test_a_plan_that_was_interrupted_is_not_merged_with_a_shorter_one(journal):
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    none = {Reason.INVALID: 0, Reason.DUPLICATE: 0}
    for shorter in (
        Totals(read=0, set_aside=none, chunks=0),
        attrs.evolve(TOTALS, chunks=2),
        attrs.evolve(TOTALS, set_aside=none),
    ):
        with pytest.raises(ValidationError) as caught:
            await journal.planned("x", shorter)
        assert caught.value.field == "destinations"
    await journal.planned("x", TOTALS)


async def test_every_change_is_an_event(planned, clock):
    claim = await start(planned)
    clock.now += 1
    await finish(planned, claim, Outcome.ACCEPTED, batch_id="7")
    events = await planned.events("x", 0)
    assert [(event.what, event.detail) for event in events] == [
        ("planned", ""),
        ("started", ""),
        ("accepted", "7"),
    ]
    assert [event.at for event in events] == [1000.0, 1000.0, 1001.0]
    assert events[-1].owner == "me"
    assert len(await planned.events("x")) == 5


async def test_jobs_that_wait_together_are_refused_one_by_one(planned):
    """They share a transaction; a refusal of one undoes that one alone."""
    good, bad = start(planned), planned.plan("x", [attrs.evolve(CHUNKS[0], items="z")], [])
    results = await asyncio.gather(good, bad, start(planned), return_exceptions=True)
    assert isinstance(results[1], ValidationError)
    assert [results[0].entry.number, results[2].entry.number] == [0, 1]
    assert (await planned.summary("x")).states[State.SENDING].chunks == 2


# The file


async def opened(path):
    """Open a journal, and give its error if it has one."""
    journal = SQLiteJournal(path)
    try:
        await journal.begin(CAMPAIGN)
    finally:
        await journal.close()


async def refused(path):
    with pytest.raises(JournalError) as caught:
        await opened(path)
    assert Path(path).name in str(caught.value)
    assert caught.value.safe_to_repeat
    return str(caught.value)


async def test_a_file_keeps_it_all_for_the_next_process_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "journal.db"
    journal = SQLiteJournal(path)
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.close()
    await journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code = (
        "import asyncio, sys; from smsworks_async.bulk.journals import SQLiteJournal\n"
        "async def main():\n"
        "    journal = SQLiteJournal(sys.argv[1])\n"
        "    print(len(await journal.entries('x')), len(await journal.problems('x')))\n"
        "    await journal.close()\n"
        "asyncio.run(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "2"]
    with pytest.raises(JournalError, match="closed"):
        await journal.summary("x")


async def test_events_cannot_be_changed(tmp_path):
    await opened(tmp_path / "journal.db")
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.plan("x", CHUNKS, [])
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        for statement in ("UPDATE event SET what = ''", "DELETE FROM event"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(statement)


async def test_what_no_database_can_hold_is_kept_readable(tmp_path):
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.begin(CAMPAIGN)
    loop = []
    loop.append(loop)
    odd = [
        Problem(0, "half \ud800", Reason.INVALID, "'\ud800' does not belong in it"),
        Problem(1, loop, Reason.INVALID, "no"),
        Problem(2, object(), Reason.INVALID, "no"),
    ]
    await journal.plan("x", [], odd)
    kept = await journal.problems("x")
    await journal.close()
    assert [problem.position for problem in kept] == [0, 1, 2]
    assert kept[0].value == "half \ud800"
    assert kept[1].value == "<list>"


async def test_a_newer_layout_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    await opened(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer version" in await refused(path)


async def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "something else" in await refused(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    path.write_text("a shopping list, and rather a long one at that\n" * 10)
    assert "no journal" in await refused(path)


@pytest.mark.parametrize("left", [50, 100, 4096, 9000, -1])
async def test_a_truncated_file_is_refused(tmp_path, left):
    path = tmp_path / "journal.db"
    await opened(path)
    size = path.stat().st_size
    os.truncate(path, left if left > 0 else size - 1)
    assert "damaged" in await refused(path)


async def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "cannot be used" in await refused(tmp_path / "nowhere" / "journal.db")


async def test_a_journal_that_another_process_holds_locked_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "journal.db"
    await opened(path)
    monkeypatch.setattr("smsworks_async.bulk.journals.file.PATIENCE", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "locked" in await refused(path)


def in_a_child(code, path, *, before):
    """Run code in a child, whose `path` is the journal's, after something that only a child can."""
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        preexec_fn=before,  # a single-threaded child
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PLAN_A_LOT = """
import asyncio, sys
from smsworks_async import JournalError
from smsworks_async.bulk.journals import Campaign, PlannedChunk, SQLiteJournal
async def main():
    journal = SQLiteJournal(sys.argv[1])
    campaign = Campaign(id="y", kind="send", message={}, chunk_size=9, deduplicate=True)
    try:
        await journal.begin(campaign)
        for number in range(500):
            chunk = PlannedChunk(
                number=number, items="4" * 9999, positions="0", size=1, abroad=False, credits=1.0
            )
            await journal.plan("y", [chunk], [])
        print("all of it was written")
    except JournalError as error:
        print(type(error.__cause__).__name__, error)
    await journal.close()
asyncio.run(main())
"""


async def test_a_file_that_may_not_grow_is_an_error_and_keeps_what_it_had(tmp_path):
    path = tmp_path / "journal.db"
    await opened(path)

    def no_more_than_a_megabyte():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    said = await asyncio.to_thread(in_a_child, PLAN_A_LOT, path, before=no_more_than_a_megabyte)
    assert said.startswith("OperationalError journal journal.db:"), said
    journal = SQLiteJournal(path)
    kept = await journal.entries("y")
    assert 0 < len(kept) < 500
    assert [entry.number for entry in kept] == list(range(len(kept)))
    await journal.close()


async def test_a_full_disk_is_told_from_other_trouble(tmp_path, monkeypatch):
    from smsworks_async.bulk.journals import file

    def small(path, connect=file.connect):
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 40")
        return connection

    monkeypatch.setattr("smsworks_async.bulk.journals.sqlite.connect", small)
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.begin(CAMPAIGN)
    big = attrs.evolve(CHUNKS[0], items="4" * 500_000)
    with pytest.raises(JournalError, match="the disk is full"):
        await journal.plan("x", [big], [])
    assert await journal.entries("x") == []
    await journal.plan("x", CHUNKS, [])
    assert len(await journal.entries("x")) == 3
    await journal.close()


async def test_a_read_only_file_is_refused():
    # Root may write anywhere, so that the child becomes nobody; whose folder it is does not matter.
    code = PLAN_A_LOT.replace(
        "asyncio.run(main())",
        "import os; os.getuid() == 0 and os.setuid(65534); asyncio.run(main())",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        await opened(path)
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        said = await asyncio.to_thread(in_a_child, code, path, before=None)
        Path(folder).chmod(0o755)
    assert said.startswith("PermissionError journal journal.db:"), said


async def test_a_forked_child_must_open_it_again(tmp_path):
    journal = SQLiteJournal(tmp_path / "journal.db")
    await journal.begin(CAMPAIGN)
    code = (
        "import asyncio, os, sys, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "from smsworks_async import JournalError\n"
        "from smsworks_async.bulk.journals import Campaign, SQLiteJournal\n"
        "journal = SQLiteJournal(sys.argv[1])\n"
        "asyncio.run(journal.summary('x'))\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        asyncio.run(journal.summary('x'))\n"
        "    except JournalError as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "asyncio.run(journal.close())\n"
    )
    said = await asyncio.to_thread(in_a_child, code, tmp_path / "journal.db", before=None)
    assert "before this process forked" in said
    await journal.close()


def test_a_journal_is_a_path_or_a_journal(tmp_path):
    journal = MemoryJournal()
    assert open_journal(journal) == (journal, False)
    made, ours = open_journal(tmp_path / "journal.db")
    assert isinstance(made, SQLiteJournal)
    assert ours
    for wrong in (5, "postgresql://localhost/x", object()):
        with pytest.raises(ConfigurationError):
            open_journal(wrong)
