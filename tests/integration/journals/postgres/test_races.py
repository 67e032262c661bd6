"""Transitions of several journals of one PostgreSQL database at the same moment."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import attrs

from smsworks_async import BatchOutcome, NotSent, Outcome
from smsworks_async.journals import State
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.records import Command, Control
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS
from support.postgres_claims import chunks, claim, plan


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
TRIES = 150 if SLOW else 40


CALL = {"operation": "messages.send", "fields": {"content": "h"}, "found_by": "mark"}


async def test_confirm_found_that_races_finish_gives_a_batch_to_one_chunk(open_journal):
    """A batch is found for a chunk while another chunk gets it in its response."""
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
    """A reader that continues after the last seen key must miss no event."""
    journals, reader, seen = [open_journal() for _ in range(3)], open_journal(), set()

    async def record(worker, journal):
        for n in range(TRIES // 4):
            await journal.record_opt_out(f"44770090{worker}{n:03d}", "out", source="x")

    async def read():
        last = 0
        while last < 3 * (TRIES // 4):
            last, out, _ = await reader.opt_out_changes(last)
            seen.update(out)

    await asyncio.gather(read(), *(record(n, journal) for n, journal in enumerate(journals)))
    assert len(seen) == 3 * (TRIES // 4)


async def test_record_opt_outs_records_thousands_at_once(open_journal):
    journal = open_journal()
    numbers = [f"447700{n:06d}" for n in range(900000, 900000 + 2000)]
    await journal.record_opt_out(numbers[5], "out", source="x")
    await journal.record_opt_out(numbers[6], "in", source="x", message_id="1")
    assert await journal.record_opt_outs([*numbers, numbers[0]], source="list") == 1999
    assert await journal.opted_out(numbers) == set(numbers)
    assert (await journal.opt_out_changes(0)).last == 2001
