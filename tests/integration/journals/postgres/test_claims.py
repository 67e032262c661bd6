"""Claims in PostgreSQL by several workers at once, and what makes one be decided anew."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime

import asyncpg
import attrs
import pytest

from smsworks_async import BatchOutcome, JournalError, NotSent, Outcome, SendWindow
from smsworks_async.journals import PlannedChunk, PostgresJournal, State, Totals
from smsworks_async.journals.postgres import claims
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.records import Command, Control, Refused
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.postgres import connected, execute, fetch


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
TRIES = 150 if SLOW else 40


CALL = {"operation": "messages.send", "fields": {"content": "h"}, "found_by": "mark"}


def chunks(count):
    return [
        PlannedChunk(
            number=number,
            items=f"a{number},b{number}",
            positions=f"{2 * number}-{2 * number + 1}",
            size=2,
            international=False,
            credits=2.0,
        )
        for number in range(count)
    ]


@pytest.fixture
async def open_journal(postgres_url):
    opened = []

    def open_(**options):
        opened.append(PostgresJournal(postgres_url, **options))
        return opened[-1]

    yield open_
    for journal in opened:
        await journal.close()


async def plan(journal, count=3, name="x"):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, chunks(count), [])


async def claim(journal, owner="me", *, after=-1, lease=60.0, name="x", **options):
    return await journal.claim_next(
        name, owner=owner, lease=lease, round=0, after=after, international=True, **options
    )


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
    """Who has opted out, by the list of the journal."""

    def __init__(self):
        self.after = 0
        self.out = set()

    def learn(self, changes):
        for key, number, is_out in changes:
            self.after = key
            (self.out.add if is_out else self.out.discard)(number)

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


async def test_confirm_found_that_races_finish_gives_a_batch_to_one_chunk(open_journal):
    """A batch that was found for a chunk, while another one is answered with it."""
    clock = FakeClock(1000.0)
    one, other = open_journal(clock=clock), open_journal(clock=clock)
    await plan(one, 2 * TRIES)
    holders = Counter()
    for number in range(0, 2 * TRIES, 2):
        lost = (await claim(one, after=number - 1, lease=1.0)).record
        clock.advance(2.0)
        await one.expire_leases("x")
        answered = (await claim(other, after=number, lease=600.0)).record
        batch_id = f"b{number}"
        accepted = BatchOutcome(answered.number, Outcome.ACCEPTED, 2, batch_id)
        await asyncio.gather(
            one.confirm_found("x", lost.number, lost.attempt, batch_id, others=5),
            other.finish("x", answered, accepted),
        )
        records = await one.chunks("x", number - 1, 2)
        holders[sum(record.batch_id == batch_id for record in records)] += 1
        assert records[1].batch_id == batch_id, "it was answered with it"
    assert holders == {1: TRIES}


def meanwhile(monkeypatch, statement, work):
    """Begin some work right after a statement of the store is run for the first time."""
    run, begun = getattr(PostgresStore, statement), []

    async def run_and_begin(self, *args, **kwargs):
        found = await run(self, *args, **kwargs)
        if not begun:
            begun.append(asyncio.ensure_future(work()))
            await asyncio.wait(begun, timeout=0.3)
        return found

    monkeypatch.setattr(PostgresStore, statement, run_and_begin)
    return begun


async def test_finish_waits_for_confirm_found_of_the_same_batch(open_journal, monkeypatch):
    clock = FakeClock(1000.0)
    one, other = open_journal(clock=clock), open_journal(clock=clock)
    await plan(one)
    lost = (await claim(one, lease=1.0)).record
    clock.advance(2.0)
    await one.expire_leases("x")
    answered = (await claim(other, after=0, lease=600.0)).record
    accepted = BatchOutcome(1, Outcome.ACCEPTED, 2, "b")
    finishing = meanwhile(
        monkeypatch, "chunks_with_batch", lambda: other.finish("x", answered, accepted)
    )
    assert await one.confirm_found("x", lost.number, lost.attempt, "b", others=5)
    assert (await finishing[0]).batch_id == "b"
    records = await one.chunks("x")
    assert [record.batch_id for record in records] == [None, "b", None]
    assert records[0].state is State.UNKNOWN


async def test_finish_waits_for_confirm_key_of_the_same_batch(open_journal, monkeypatch):
    clock = FakeClock(1000.0)
    one, other = open_journal(clock=clock), open_journal(clock=clock)
    await plan(one)
    await one.claim_key("k", **CALL, owner="me", lease=1.0)
    clock.advance(2000.0)
    assert (await one.key("k")).request.state is State.UNKNOWN
    answered = (await claim(other, lease=600.0)).record
    accepted = BatchOutcome(0, Outcome.ACCEPTED, 2, "b")
    finishing = meanwhile(
        monkeypatch, "chunks_with_batch", lambda: other.finish("x", answered, accepted)
    )
    assert await one.confirm_key("k", 1, "b", {"batch_id": "b"}, size=1, is_marked=True)
    assert (await finishing[0]).batch_id == "b"
    kept = await one.key("k")
    assert (kept.request.state, kept.request.batch_id) == (State.UNKNOWN, None)


async def test_steer_waits_for_what_is_just_becoming_pending(open_journal, monkeypatch):
    one, other = open_journal(), open_journal()
    await plan(one, 1)
    claimed = (await claim(one)).record
    steering = meanwhile(monkeypatch, "controls", lambda: other.steer("x", Command.CANCEL))
    await one.finish("x", claimed, BatchOutcome(0, Outcome.NOT_SENT, 2))
    await steering[0]
    assert [record.state for record in await one.chunks("x")] == [State.CANCELLED]


async def test_steer_cancels_what_is_just_becoming_pending_again(open_journal):
    one, other = open_journal(), open_journal()
    for turn in range(TRIES // 4):
        name = f"x{turn}"
        await plan(one, 2, name)
        claimed = (await claim(one, name=name)).record
        given_back = BatchOutcome(0, Outcome.NOT_SENT, 2, error=NotSent("no connection"))
        await asyncio.gather(
            one.finish(name, claimed, given_back), other.steer(name, Command.CANCEL, "because")
        )
        states = {record.state for record in await one.chunks(name)}
        assert states == {State.CANCELLED}


async def test_split_numbers_halves_once_where_two_workers_split(open_journal):
    one, other = open_journal(), open_journal()
    await plan(one, 2)
    first, second = (await claim(one)).record, (await claim(other, after=0)).record
    halves = [attrs.evolve(CHUNKS[2], items=item) for item in "ab"]
    numbers = await asyncio.gather(
        one.split("x", first.number, 1, halves), other.split("x", second.number, 1, halves)
    )
    assert sorted(n for those in numbers for n in those) == [2, 3, 4, 5]


async def test_plan_by_two_workers_at_once_plans_each_chunk_once(open_journal):
    one, other = open_journal(), open_journal()
    await one.begin(CAMPAIGN)
    for start in (0, 10, 20):
        some = chunks(start + 10)[start:]
        await asyncio.gather(one.plan("x", some, PROBLEMS), other.plan("x", some, PROBLEMS))
    assert [record.number for record in await one.chunks("x")] == list(range(30))
    assert len(await one.problems("x")) == len(PROBLEMS)


async def test_steer_is_not_undone_by_what_is_recorded_at_the_same_time(open_journal):
    one, other = open_journal(), open_journal()
    for turn in range(TRIES // 4):
        name = f"x{turn}"
        await plan(one, 1, name)
        await asyncio.gather(
            one.steer(name, Command.PAUSE, "because"),
            other.respect(name, "a list"),
        )
        kept = (await one.summary(name)).campaign
        assert (kept.control, kept.opt_outs) == (Control.PAUSED, "a list")


async def test_claim_key_gives_a_new_key_to_one_of_many(open_journal):
    journals = [open_journal() for _ in range(3)]
    for turn in range(TRIES // 4):
        claimed = await asyncio.gather(
            *(
                journal.claim_key(f"k{turn}", **CALL, owner=f"o{n}", lease=60.0)
                for n, journal in enumerate(journals)
            )
        )
        winners = {kept.request.owner for kept in claimed}
        assert len(winners) == 1
        assert {kept.request.attempt for kept in claimed} == {1}


async def test_claim_seen_gives_a_report_to_one_of_many(open_journal):
    journals = [open_journal() for _ in range(3)]
    for turn in range(TRIES // 4):
        got = await asyncio.gather(
            *(
                journal.claim_seen(f"m{turn}", "DELIVERED", f"o{n}", 60.0)
                for n, journal in enumerate(journals)
            )
        )
        assert sorted(got) == [False, False, True]


async def test_opt_outs_have_rising_keys_whoever_records_them(open_journal):
    """A reader that goes by the last key it has seen must miss none."""
    journals, reader, seen = [open_journal() for _ in range(3)], open_journal(), []

    async def record(worker, journal):
        for n in range(TRIES // 4):
            await journal.record_opt_out(f"44770090{worker}{n:03d}", "out", source="x")

    async def read():
        while len(seen) < 3 * (TRIES // 4):
            after = seen[-1][0] if seen else 0
            seen.extend(await reader.opt_out_changes(after))

    await asyncio.gather(read(), *(record(n, journal) for n, journal in enumerate(journals)))
    assert [key for key, *_ in seen] == list(range(1, len(seen) + 1))


async def test_record_opt_outs_records_thousands_at_once(open_journal):
    journal = open_journal()
    numbers = [f"447700{n:06d}" for n in range(900000, 900000 + 2000)]
    await journal.record_opt_out(numbers[5], "out", source="x")
    await journal.record_opt_out(numbers[6], "in", source="x", message_id="1")
    assert await journal.record_opt_outs([*numbers, numbers[0]], source="list") == 1999
    assert await journal.opted_out(numbers) == set(numbers)
    assert len(await journal.opt_out_changes(0)) == 2001


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
    # What was sent before is recorded all the same.
    record = await journal.finish("x", claimed, BatchOutcome(0, Outcome.ACCEPTED, 2, "b"))
    assert record.state is State.ACCEPTED
    # Nothing but `suspect` lifts it.
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


# What protects the records


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE smsworks.event SET detail = 'b'",
        "UPDATE smsworks.event SET what = 'accepted', detail = ''",
        "DELETE FROM smsworks.event",
        "TRUNCATE smsworks.event",
        "UPDATE smsworks.opt_out SET change = 'in'",
        "DELETE FROM smsworks.opt_out",
        "TRUNCATE smsworks.opt_out",
    ],
)
async def test_events_and_opt_outs_are_only_added(open_journal, postgres_url, statement):
    journal = open_journal()
    await plan(journal)
    await journal.record_opt_out("447700900001", "out", source="x")
    with pytest.raises(asyncpg.RaiseError, match="are only added"):
        await execute(postgres_url, statement)


async def test_planned_chunks_are_counted_by_the_server(open_journal, postgres_url):
    journal = open_journal()
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.finish_planning("x", TOTALS)
    async with connected(postgres_url) as connection:
        rows = await connection.fetchval(
            "SELECT reltuples FROM pg_class WHERE oid = 'smsworks.chunk'::regclass"
        )
    assert rows == 3


async def test_a_text_with_nul_is_kept_without_it(open_journal):
    journal = open_journal()
    await journal.begin(attrs.evolve(CAMPAIGN, message={"content": "a\0b \ud800"}))
    await journal.plan("x", CHUNKS, [])
    await journal.finish_planning("x", Totals(read=5, set_aside={}, chunks=3))
    assert (await journal.summary("x")).campaign.message == {"content": "a\0b \ud800"}
    claimed = (await claim(journal)).record
    lost = BatchOutcome(0, Outcome.REJECTED, 2, error=NotSent("no \0 connection"))
    await journal.finish("x", claimed, lost)
    assert (await journal.events("x", 0))[-1].detail == "no \\x00 connection"
    await journal.record_opt_out("44\0", "out", source="a\0", word="b\0", message_id="c\0")
    ((_, number, _),) = await journal.opt_out_changes(0)
    assert number == "44\\x00"
    assert not await journal.has_batch("x", "b\0")
    assert await journal.claim_seen("1\0", "DELIVERED\0", "me", 60.0)
