"""Data erased from a journal's tables is gone from its file, including free space and log."""

from __future__ import annotations

import asyncio
import random

import attrs
import pytest

from smsworks_async import BatchOutcome, InsufficientCredit, JournalError, Outcome, Problem, Reason
from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite import erasure
from smsworks_async.journals.sqlite.file import PATIENCE
from support.internals import on_connect, run_in_journal
from support.journals import CAMPAIGN, CHUNKS, TOTALS, bytes_of


ERROR = InsufficientCredit("Okapi 447700900123", status=402, code=4021)


@pytest.fixture
async def journal(tmp_path):
    opened = SQLiteJournal(tmp_path / "journal.db")
    yield opened
    await opened.close()


async def pragma(journal, name):
    return await run_in_journal(journal, lambda db: db.execute(f"PRAGMA {name}").fetchone()[0])


async def plan(journal, name, chunks=CHUNKS):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, chunks, [])


async def finish(journal, name):
    """Refuse, reopen and accept the chunks of a campaign."""
    await journal.finish_planning(name, attrs.evolve(TOTALS, read=5, set_aside={}))
    for n in range(6):
        claimed = await journal.claim_next(
            name, owner="me", lease=10.0, round=0, after=-1, international=True
        )
        outcome = BatchOutcome(n, Outcome.ACCEPTED, 2, batch_id=f"{name}-{n}")
        if n < 3:
            outcome = BatchOutcome(n, Outcome.REJECTED, 2, error=ERROR)
        await journal.finish(name, claimed.record, outcome)
        if n == 2:
            await journal.reopen(name, 0)


async def test_every_connection_overwrites_what_it_deletes(journal):
    await journal.begin(CAMPAIGN)
    assert await pragma(journal, "secure_delete") == 1


async def test_forget_reaches_the_copies_that_split_pages_leave(journal, tmp_path):
    positions = list(range(300))
    random.Random(5).shuffle(positions)
    for name in "xyz":
        await plan(journal, name)
    for start in range(0, 300, 10):
        for name in "xyz":
            problems = [
                Problem(p, f"Okapi {name} " * (p * 7 % 40), Reason.INVALID, "no number")
                for p in positions[start : start + 10]
            ]
            await journal.plan(name, [], problems)
    await journal.steer("x", "cancel")
    assert b"Okapi x" in bytes_of(tmp_path / "journal.db")
    await journal.forget("x")
    left = bytes_of(tmp_path / "journal.db")
    assert b"Okapi x" not in left
    assert b"Okapi y" in left


async def test_forget_reaches_what_an_earlier_version_deleted_without_overwriting(
    journal, tmp_path
):
    on_connect(journal, lambda db: db.execute("PRAGMA secure_delete = OFF"))
    for name in ("x", "y"):
        await plan(journal, name)
        await finish(journal, name)
    assert b"Okapi" in bytes_of(tmp_path / "journal.db")
    for name in ("x", "y"):
        await journal.forget(name)
    assert b"Okapi" not in bytes_of(tmp_path / "journal.db")


async def test_forget_leaves_the_patience_of_other_jobs_as_it_was(journal, monkeypatch):
    await plan(journal, "x")
    await finish(journal, "x")
    await journal.forget("x")
    assert await pragma(journal, "busy_timeout") == PATIENCE * 1000


async def test_a_sweep_that_fails_is_told_and_made_good_later(journal, monkeypatch):
    await plan(journal, "x")
    await finish(journal, "x")
    rewrite = erasure._rewrite
    monkeypatch.setattr(erasure, "_rewrite", lambda connection: False)
    with pytest.raises(JournalError, match="not erased yet"):
        await journal.forget("x")
    assert (await journal.summary("x")).campaign.forgotten == 0.0
    monkeypatch.setattr(erasure, "_rewrite", rewrite)
    await journal.forget("x")
    assert (await journal.summary("x")).campaign.forgotten > 0.0


async def test_a_sweep_is_no_part_of_the_transaction_of_jobs_that_come_at_the_same_time(journal):
    await plan(journal, "x")
    await finish(journal, "x")
    numbers = [f"447700900{n:03d}" for n in range(20)]
    adding = [journal.record_opt_out(number, "out", source="shop") for number in numbers]
    sweeps = [journal._sweep() for _ in range(3)]
    jobs = [job for pair in zip(adding, sweeps, strict=False) for job in pair] + adding[3:]
    await asyncio.gather(journal.forget("x"), *jobs)
    assert await journal.opted_out(numbers) == {*numbers}
