"""Every kind of send, position of a fault and state of the journal: no recipient is texted twice.

Reports and exceptions are compared with the sandbox's count of accepted texts. Clocks are advanced
instead of waiting, except for the time-out of requests that are held.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import AsyncSMSWorks, JournalError, Outcome, OutcomeUnknown, SMSWorksError
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Sandbox
from support.clock import use_clock
from support.fault_matrix import (
    BULK,
    CHUNK,
    PEOPLE,
    POSITIONS,
    SINGLE,
    Line,
    ReleasingClock,
    Watched,
    check,
    open_and_close,
)
from support.processes import start_worker
from support.reports import named
from support.sandboxes import AT_ONCE
from support.waiting import give_up_when_held, until, when_held


LATE = "the request is held and accepted late"


def client(box, line, position):
    sms = AsyncSMSWorks(box.token, base_url=line.base_url, timeout=30, retry=AT_ONCE)
    if position == LATE:
        give_up_when_held(box, sms)
    return sms


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("position", POSITIONS)
async def test_a_single_send_is_accepted_once_at_most_and_says_whether(position, kind):
    where = POSITIONS[position]
    family, method, fields = SINGLE[kind]
    async with (
        Sandbox(faults=where.of("*", 1)) as box,
        Line(box, where.line) as line,
        client(box, line, position) as sms,
    ):
        said = None
        try:
            await getattr(getattr(sms, family), method)(**fields)
        except SMSWorksError as error:
            said = error
        if position == LATE:
            assert box.accepted() == 0
            await ReleasingClock(box).let_go()
        accepted = box.accepted()
    assert any((said is None) if one is None else isinstance(said, one) for one in where.says), (
        repr(said)
    )
    if said is None:
        assert accepted == 1
    elif isinstance(said, OutcomeUnknown):
        assert accepted <= 1
        assert not said.safe_to_repeat
    else:
        assert accepted == 0
        assert said.safe_to_repeat


@pytest.mark.parametrize("kind", BULK)
@pytest.mark.parametrize("position", POSITIONS)
async def test_bulk_without_a_journal_texts_nobody_twice_and_names_whom_it_doubts(position, kind):
    where = POSITIONS[position]
    method, fields = BULK[kind]
    async with (
        Sandbox(faults=where.of("/batch/*", 2)) as box,
        Line(box, where.line) as line,
        client(box, line, position) as sms,
    ):
        report = await getattr(sms.bulk, method)(**fields, chunk_size=CHUNK, concurrency=1)
        if position == LATE:
            await ReleasingClock(box).let_go()
        check(report, box)
        posts = len(box.requests)
    if OutcomeUnknown in where.says and where.fault is not None:
        assert named(report, Outcome.UNKNOWN) == PEOPLE[CHUNK : 2 * CHUNK]
        assert posts == 3, "nothing is sent again without an answer"


class Case:
    """A campaign of one kind in one file, with one fault."""

    def __init__(self, box, line, position, kind, path):
        self.box, self.line, self.position, self.path = box, line, position, path
        self.method, self.fields = BULK[kind]
        self.concurrency = 1
        self.clock = ReleasingClock(box)
        self.clock.holding = position == LATE

    async def run(self, journal, *, on_unknown, progress=None):
        """Run the campaign, and compare its report with the sandbox's messages."""
        try:
            async with client(self.box, self.line, self.position) as sms:
                use_clock(sms, self.clock)
                report = await getattr(sms.bulk, self.method)(
                    **self.fields,
                    chunk_size=CHUNK,
                    concurrency=self.concurrency,
                    journal=journal,
                    campaign="x",
                    settle=0,
                    on_unknown=on_unknown,
                    progress=progress,
                )
        finally:
            await journal.close()
        check(report, self.box)
        return report

    async def go_on(self, *, resolves=True):
        """Run it again without faults and with resends: all recipients are reached or unknown."""
        self.box.clear_faults()
        await self.line.mend()
        report = await self.run(self.journal(), on_unknown="resend")
        assert report.rejected == report.not_sent == 0
        if resolves:
            assert report.accepted == len(PEOPLE)
        return report

    async def reconcile(self, **options):
        async with client(self.box, self.line, self.position) as sms:
            use_clock(sms, self.clock)
            journal = self.journal()
            report = await sms.bulk.reconcile("x", journal=journal, settle=0, **options)
            await journal.close()
        check(report, self.box)
        return report

    def journal(self, **happenings):
        return Watched(self.path, clock=self.clock, **happenings)


@pytest.fixture
async def case(tmp_path, position, kind):
    where = POSITIONS[position]
    async with (
        Sandbox(faults=where.of("/batch/*", 2)) as box,
        Line(box, where.line) as line,
    ):
        yield Case(box, line, position, kind, tmp_path / "journal.db")


every_kind = pytest.mark.parametrize("kind", BULK)
every_position = pytest.mark.parametrize("position", POSITIONS)
either_policy = pytest.mark.parametrize("on_unknown", ["report", "resend"])


@every_kind
@every_position
@either_policy
async def test_a_campaign_in_a_new_file_texts_nobody_twice(case, on_unknown):
    report = await case.run(case.journal(), on_unknown=on_unknown)
    # Accepted requests are found, except those accepted after the search.
    found = {"after", "mid"}
    if (POSITIONS[case.position].fault or {}).get("when") in found:
        assert report.accepted == len(PEOPLE)
    await case.go_on()


@every_kind
@every_position
async def test_a_campaign_whose_file_has_a_second_handle_texts_nobody_twice(case):
    async def look(_):
        second = SQLiteJournal(case.path)
        await second.add_seen("1", "DELIVERED")
        assert (await second.summary("x")).campaign.id == "x"
        await second.close()

    await case.run(case.journal(), on_unknown="resend", progress=look)
    await case.go_on()


@every_kind
@every_position
async def test_a_campaign_whose_file_another_process_opens_and_closes_texts_nobody_twice(case):
    async def happens():
        await open_and_close(case.path)

    # Between the claim and the request, when a lost claim would matter.
    journal = case.journal(happens=happens, nth=2, after=True)
    await case.run(journal, on_unknown="resend")
    assert not Path(f"{case.path}-wal").exists(), "the last one to close it has emptied the log"
    await case.go_on()


@every_kind
@every_position
async def test_a_campaign_whose_process_is_killed_texts_nobody_twice(case):
    """It is killed after its second response, and before recording it."""
    late = case.position == LATE
    fate = {} if late else {"where": "before finish", "nth": 2, "signal": "SIGKILL"}
    held = []
    when_held(case.box, lambda: held.append(True))
    given = {
        "path": str(case.path),
        "token": case.box.token,
        "base_url": case.line.base_url,
        "method": case.method,
        "fields": case.fields,
        "chunk_size": CHUNK,
        "fate": fate,
    }
    process = await start_worker("matrix", given)
    if late:
        await until(lambda: held, process)
        process.kill()
    assert await process.wait() == -signal.SIGKILL
    await case.go_on()


@every_kind
@every_position
async def test_a_campaign_whose_file_is_replaced_by_an_older_copy_texts_nobody_twice(case):
    """The copy was made before the second claim, and is reconciled with `restored` before use."""
    copy = case.path.with_name("copy.db")

    async def happens():
        with closing(sqlite3.connect(case.path)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)

    await case.run(case.journal(happens=happens, nth=2), on_unknown="report")
    copy.replace(case.path)
    posts = count_posts(case.box)
    case.box.clear_faults()
    await case.line.mend()
    await case.reconcile(restored=True)
    assert count_posts(case.box) == posts, "nothing is sent by reconciling"
    # Halves of a chunk that is whole in the copy are a trace of it: it stays unknown.
    await case.go_on(resolves=case.position != "one recipient is refused")


@every_kind
@every_position
async def test_a_campaign_whose_file_is_deleted_ends_before_its_next_request(case):
    elsewhere = case.path.with_name("elsewhere.db")
    posts = []

    async def happens():
        posts.append(count_posts(case.box))
        os.link(case.path, elsewhere)
        case.path.unlink()

    halts = case.position == "the account is refused"  # by its second request
    journal = case.journal(happens=happens, nth=2 if halts else 3)
    with pytest.raises(JournalError, match="deleted or replaced"):
        await case.run(journal, on_unknown="resend")
    assert posts == [count_posts(case.box)], "nothing is sent after it was deleted"
    assert max(case.box.accepted_by_destination().values(), default=0) <= 1
    elsewhere.replace(case.path)
    await case.go_on()


@every_kind
@every_position
@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["forward", "back"])
async def test_a_campaign_whose_clock_is_set_texts_nobody_twice(case, step):
    """The clock is set between the second claim and its request."""

    async def happens():
        case.clock.set_ahead(step)

    journal = case.journal(happens=happens, nth=2, after=True)
    await case.run(journal, on_unknown="resend")
    # A lease that expires in an hour is not waited for: its chunk stays unknown.
    await case.go_on(resolves=step > 0)


# The same for every position


async def copies(case):
    kept = case.path.with_name("kept.db")
    with closing(sqlite3.connect(case.path)) as old, closing(sqlite3.connect(kept)) as new:
        old.backup(new)


async def deletes(case):
    os.link(case.path, case.path.with_name("kept.db"))
    case.path.unlink()


async def sets_forward(case):
    case.clock.set_ahead(3600)


async def sets_back(case):
    case.clock.set_ahead(-3600)


async def opens_and_closes(case):
    await open_and_close(case.path)


@pytest.mark.slow
@every_kind
@every_position
@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("after", [False, True], ids=["before a claim", "after a claim"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(
    "what", [copies, deletes, sets_forward, sets_back, opens_and_closes], ids=lambda f: f.__name__
)
async def test_whatever_happens_to_a_file_or_a_clock_at_any_moment_texts_nobody_twice(
    case, what, nth, after, concurrency
):
    case.concurrency = concurrency
    journal = case.journal(happens=lambda: what(case), nth=nth, after=after)
    try:
        await case.run(journal, on_unknown="resend")
    except JournalError:
        assert what is deletes
    assert max(case.box.accepted_by_destination().values(), default=0) <= 1
    case.box.clear_faults()
    await case.line.mend()
    kept = case.path.with_name("kept.db")
    if kept.exists():
        kept.replace(case.path)
        await case.reconcile(restored=what is copies)
    await case.go_on(resolves=False)


def count_posts(box):
    return sum(
        record.path.startswith("/batch/") for record in box.requests if record.method == "POST"
    )
