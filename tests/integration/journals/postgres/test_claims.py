"""Claims in PostgreSQL by several workers, and changes that repeat a decision."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from smsworks_async import BatchOutcome, JournalError, Outcome, SendWindow
from smsworks_async.journals import State
from smsworks_async.journals.postgres import claims
from smsworks_async.journals.records import Command, Control, Refused
from support.clock import FakeClock
from support.postgres import execute, fetch
from support.postgres_claims import claim, plan


async def test_claim_next_gives_each_chunk_to_one_of_many_workers(open_journal):
    await plan(open_journal(), 60)

    async def work(number):
        journal, got, after = open_journal(), [], -1
        while (claimed := await claim(journal, f"{number}:{len(got)}", after=after)) is not None:
            after = claimed.record.number
            got.append(after)
            outcome = BatchOutcome(after, Outcome.ACCEPTED, 2, f"b{after}")
            await journal.finish("x", claimed.record, outcome)
        return got

    shares = await asyncio.gather(*map(work, range(4)))
    assert sorted(number for share in shares for number in share) == list(range(60))
    assert all(shares), "a worker got nothing"
    happened = Counter(event.what for event in await open_journal().events("x"))
    assert happened == {"planned": 60, "started": 60, "accepted": 60}


async def test_claim_next_serves_many_tasks_of_one_journal(open_journal):
    journal = open_journal()
    await plan(journal, 20)
    claimed = await asyncio.gather(*(claim(journal, f"o{n}") for n in range(25)))
    numbers = [one.record.number for one in claimed if one is not None]
    assert sorted(numbers) == list(range(20))


async def test_claim_next_takes_what_became_pending_below_what_was_read_ahead(open_journal):
    journal = open_journal()
    await plan(journal, 6)
    first = await claim(journal)
    assert (await claim(journal, after=0)).record.number == 1
    await journal.finish("x", first.record, BatchOutcome(0, Outcome.NOT_SENT, 2))
    assert (await claim(journal, after=-1)).record.number == 0
    assert (await claim(journal, after=1)).record.number == 2


async def test_claim_next_uses_what_was_read_ahead_and_sees_what_others_have_claimed(open_journal):
    one, other = open_journal(), open_journal()
    await plan(one, 6)
    assert (await claim(one)).record.number == 0
    assert (await claim(other)).record.number == 1
    assert (await claim(other, after=1)).record.number == 2
    assert (await claim(one, after=0)).record.number == 3


async def test_claim_next_takes_no_chunk_that_has_changed_since_it_was_read_ahead(open_journal):
    one, other = open_journal(), open_journal()
    await plan(one, 3)
    assert (await claim(one)).record.number == 0
    given_back = (await claim(other, "another", after=0)).record
    await other.finish("x", given_back, BatchOutcome(1, Outcome.NOT_SENT, 2))
    claimed = (await claim(one, after=0)).record
    assert (claimed.number, claimed.attempt) == (1, 2)


class LeavesOut:
    """The opt-outs in the journal's list."""

    def __init__(self):
        self.after = 0
        self.out = set()

    def learn(self, changes):
        self.after = changes.last
        self.out = self.out.difference(changes.back).union(changes.out)

    def positions(self, chunk):
        first, last = chunk.items.split(",")
        one, other = first in self.out, last in self.out
        number = 2 * chunk.record.number
        if one and other:
            return chunk.positions
        return f"{number}-{number}" if one else f"{number + 1}-{number + 1}" if other else ""


async def test_claim_next_leaves_out_who_opted_out_since_it_read_ahead(open_journal):
    journal, leaves_out = open_journal(), LeavesOut()
    await plan(journal, 6)
    assert (await claim(journal, leave_out=leaves_out)).record.excluded == 0
    for number in ("b1", "a2", "b2", "a4", "b4"):
        await open_journal().record_opt_out(number, "out", source="x")
    claimed = await claim(journal, after=0, leave_out=leaves_out)
    assert (claimed.record.number, claimed.record.left_out) == (1, "3-3")
    claimed = await claim(journal, after=1, leave_out=leaves_out)
    assert (claimed.record.number, claimed.record.left_out) == (3, "")
    claimed = await claim(journal, after=3, leave_out=leaves_out)
    assert (claimed.record.number, claimed.record.left_out) == (5, "")
    states = [record.state for record in await journal.chunks("x")]
    assert [number for number, state in enumerate(states) if state is State.SKIPPED] == [2, 4]
    assert await claim(journal, after=5, leave_out=leaves_out) is None


async def test_claim_next_takes_nothing_where_somebody_opts_out_before_its_statement(
    open_journal, monkeypatch
):
    """An opt-out that is recorded after the chunk was read, and before it is claimed."""
    journal, other, leaves_out = open_journal(), open_journal(), LeavesOut()
    await plan(journal)
    take = claims.Claims._take

    late = [True]

    async def take_late(self, *args, **kwargs):
        if late and late.pop():
            await other.record_opt_out("a0", "out", source="x")
        return await take(self, *args, **kwargs)

    monkeypatch.setattr(claims.Claims, "_take", take_late)
    claimed = await claim(journal, leave_out=leaves_out)
    assert (claimed.record.number, claimed.record.left_out) == (0, "0-0")


@pytest.mark.parametrize("command", [Command.PAUSE, Command.HALT, Command.CANCEL])
async def test_claim_next_reads_the_control_in_its_own_statement(open_journal, command):
    journal = open_journal()
    await plan(journal, 6)
    await claim(journal)
    await open_journal().steer("x", command, "because")
    refused = await claim(journal, after=0)
    assert isinstance(refused, Refused)
    assert refused.control is not Control.RUNNING
    assert refused.why == "because"
    assert [record.state for record in await journal.chunks("x")].count(State.SENDING) == 1


async def test_claim_next_reads_the_window_in_its_own_statement(open_journal):
    night = datetime(2030, 1, 31, 3, tzinfo=UTC).timestamp()
    clock = FakeClock(night)
    journal = open_journal(clock=clock)
    await plan(journal, 6)
    await claim(journal)
    window = SendWindow("09:00", "20:00", tz="UTC")
    await open_journal().steer("x", Command.RESUME, window=window)
    refused = await claim(journal, after=0)
    assert (refused.window, refused.opens) == (window, night + 6 * 3600)
    clock.advance(6 * 3600)
    assert (await claim(journal, after=0)).record.number == 1
    await open_journal().steer("x", Command.RESUME, window=SendWindow("00:00", "01:00", tz="UTC"))
    assert isinstance(await claim(journal, after=1), Refused)


async def test_claim_next_goes_by_the_clock_of_the_server(open_journal, monkeypatch):
    journal = open_journal()
    await plan(journal, 6)
    await claim(journal)
    # This machine's clock is set, between two claims.
    monkeypatch.setattr(claims.time, "time", lambda now=claims.time.time: now() + 7200)
    claimed = await claim(journal, after=0, lease=60.0)
    now = await open_journal().now()
    assert claimed.record.began == pytest.approx(now, abs=5)
    assert claimed.record.lease == pytest.approx(now + 60, abs=5)
    assert journal.clock() == pytest.approx(now, abs=5)


async def test_finish_records_the_late_answer_of_a_claim_that_was_expired(open_journal):
    clock = FakeClock(1000.0)
    journal = open_journal(clock=clock)
    await plan(journal)
    claimed = (await claim(journal, lease=10.0)).record
    clock.advance(11.0)
    assert await open_journal(clock=clock).expire_leases("x") == 1
    record = await journal.finish("x", claimed, BatchOutcome(0, Outcome.ACCEPTED, 2, "b"))
    assert (record.state, record.batch_id) == (State.ACCEPTED, "b")


# Failover


async def test_claim_next_refuses_a_campaign_of_another_timeline_until_it_is_reconciled(
    open_journal, postgres_url
):
    journal = open_journal()
    await plan(journal, 6)
    claimed = (await claim(journal)).record
    await execute(postgres_url, "UPDATE smsworks.campaign SET timeline = '000000AB'")
    with pytest.raises(JournalError, match="restored=True") as caught:
        await claim(journal, after=0)
    assert not caught.value.retryable
    with pytest.raises(JournalError, match="restored=True"):
        await claim(open_journal(), after=0)
    # Outcomes of earlier requests are still recorded.
    record = await journal.finish("x", claimed, BatchOutcome(0, Outcome.ACCEPTED, 2, "b"))
    assert record.state is State.ACCEPTED
    # Only `suspect` lifts it.
    await journal.steer("x", Command.PAUSE)
    await journal.steer("x", Command.RESUME)
    with pytest.raises(JournalError, match="restored=True"):
        await claim(journal, after=0)
    assert await journal.suspect("x") == 5
    for record in await journal.unknown_chunks("x"):
        await journal.clear_doubt("x", record.number, record.attempt)
    assert (await claim(journal, after=0)).record.number == 1


async def test_begin_records_the_timeline_of_the_server(open_journal, postgres_url):
    await plan(open_journal())
    ((timeline, now),) = await fetch(
        postgres_url,
        "SELECT timeline, left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM smsworks.campaign",
    )
    assert timeline == now
