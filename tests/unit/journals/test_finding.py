"""The assignment of found messages to a key or a chunk, or to none while another waits."""

from __future__ import annotations

import pytest

from smsworks_async import BatchOutcome, Outcome, OutcomeUnknown
from smsworks_async.journals import Campaign, MemoryJournal, PlannedChunk, State
from support.clock import FakeClock
from support.journal_keys import (
    LEASE,
    accepted,
    claim_key,
    confirm_key,
    doubt_key,
    finish_key,
    resend_key,
)


CAMPAIGN = Campaign(
    id="x",
    kind="send",
    message={"sender": "AcmeCorp", "content": "Hello"},
    chunk_size=2,
    deduplicate=True,
)
CHUNK = PlannedChunk(
    number=0,
    items="447700900001,447700900002",
    positions="0-1",
    size=2,
    international=False,
    credits=2.0,
)
LOST = BatchOutcome(0, Outcome.UNKNOWN, 2, error=OutcomeUnknown("lost", operation="x"))


@pytest.fixture
def clock():
    return FakeClock(1e9)


@pytest.fixture
async def journal(clock):
    journal = MemoryJournal(clock=clock)
    await journal.begin(CAMPAIGN)
    await journal.plan("x", [CHUNK], [])
    return journal


async def claim_chunk(journal):
    claim = {"owner": "of x", "lease": LEASE, "round": 0, "after": -1, "international": True}
    return (await journal.claim_next("x", **claim)).record


async def doubt_chunk(journal):
    claimed = await claim_chunk(journal)
    await journal.finish("x", claimed, LOST)
    return claimed


async def finish_chunk(journal, claimed, batch_id):
    return await journal.finish("x", claimed, BatchOutcome(0, Outcome.ACCEPTED, 2, batch_id))


async def chunk(journal):
    return (await journal.chunks("x"))[0]


async def test_is_held_knows_keys_chunks_and_what_either_was_accepted_with_twice(journal, clock):
    first = await doubt_key(journal)
    clock.advance(LEASE + 5)
    await finish_key(journal, await resend_key(journal, "k", 1), accepted("k2"))
    await finish_key(journal, first, accepted("k1"))
    await finish_chunk(journal, await claim_chunk(journal), "c1")
    held = [one for one in ("k1", "k2", "c1", "nobody's") if await journal.is_held(one)]
    assert held == ["k1", "k2", "c1"]
    assert await journal.has_batch("x", "k1")


async def test_confirm_key_takes_nothing_that_another_key_or_chunk_has(journal):
    await finish_key(journal, await claim_key(journal, "other"), accepted("k1"))
    await finish_chunk(journal, await claim_chunk(journal), "c1")
    await doubt_key(journal)
    for taken in ("k1", "c1"):
        assert not await confirm_key(journal, "k", 1, taken, is_marked=True)
    assert await confirm_key(journal, "k", 1, "own", is_marked=True)


async def test_confirm_key_is_about_the_attempt_that_the_caller_knows(journal):
    await doubt_key(journal)
    assert not await confirm_key(journal, "k", 2, "m")
    assert not await confirm_key(journal, "new", 1, "m")
    assert await confirm_key(journal, "k", 1, "m")


async def test_confirm_key_waits_until_another_key_of_the_operation_is_answered(journal, clock):
    """Its request may be written until its lease ends, and is answered within a lease more."""
    await doubt_key(journal)
    clock.advance(5)
    await claim_key(journal, "other")
    clock.advance(2 * LEASE - 1)
    assert not await confirm_key(journal, "k", 1, "m")
    clock.advance(1)
    assert await confirm_key(journal, "k", 1, "m")


async def test_confirm_key_waits_for_its_own_batch_where_another_key_is_in_doubt(journal, clock):
    """Otherwise the other one, which is sent again, would be a third batch for two calls."""
    await doubt_key(journal, "other")
    clock.advance(2 * LEASE)
    await doubt_key(journal)
    assert not await confirm_key(journal, "k", 1, "m")
    clock.advance(2 * LEASE)
    assert await confirm_key(journal, "k", 1, "m")


async def test_confirm_key_goes_by_its_mark_or_another_operation(journal):
    await doubt_key(journal, "k")
    await doubt_key(journal, "marked")
    await claim_key(journal, "other")
    await doubt_key(journal, "elsewhere", operation="batches.schedule")
    assert not await confirm_key(journal, "k", 1, "m1")
    assert await confirm_key(journal, "marked", 1, "m2", is_marked=True)
    assert await confirm_key(journal, "elsewhere", 1, "m3")


async def test_confirm_key_waits_for_a_chunk_of_the_same_size(journal, clock):
    await doubt_key(journal)
    await claim_chunk(journal)
    assert not await confirm_key(journal, "k", 1, "m", size=2)
    assert await confirm_key(journal, "k", 1, "m", size=3)


async def test_confirm_key_takes_what_may_be_a_chunks_that_is_not_answered_any_more(journal, clock):
    await doubt_key(journal)
    await doubt_chunk(journal)
    clock.advance(2 * LEASE)
    assert await confirm_key(journal, "k", 1, "m")


async def test_confirm_found_waits_until_a_keyed_batch_is_answered(journal, clock):
    await doubt_chunk(journal)
    await claim_key(journal, "batch", found_by="recipients")
    clock.advance(2 * LEASE - 1)
    assert not await journal.confirm_found("x", 0, 1, "m")
    clock.advance(1)
    assert await journal.confirm_found("x", 0, 1, "m")


async def test_confirm_found_waits_for_its_own_batch_where_a_keyed_one_is_in_doubt(journal, clock):
    await doubt_key(journal)
    clock.advance(2 * LEASE)
    await doubt_chunk(journal)
    assert not await journal.confirm_found("x", 0, 1, "m")
    clock.advance(2 * LEASE)
    assert await journal.confirm_found("x", 0, 1, "m")


@pytest.mark.parametrize("found_by", ["mark", "nothing"])
async def test_confirm_found_does_not_wait_for_keys_that_no_batch_is_taken_for(journal, found_by):
    await doubt_chunk(journal)
    await claim_key(journal, "single", found_by=found_by)
    assert await journal.confirm_found("x", 0, 1, "m")


async def test_confirm_found_takes_nothing_that_a_key_has(journal):
    await finish_key(journal, await claim_key(journal), accepted("m"))
    await doubt_chunk(journal)
    assert not await journal.confirm_found("x", 0, 1, "m")


async def test_finish_key_revokes_what_a_chunk_was_found_with(journal, clock):
    late = await claim_key(journal)
    await doubt_chunk(journal)
    clock.advance(2 * LEASE)
    assert await journal.confirm_found("x", 0, 1, "m")
    await finish_key(journal, late, accepted("m"))
    assert ((await chunk(journal)).state, (await chunk(journal)).batch_id) == (State.UNKNOWN, None)


@pytest.mark.parametrize("expires", [True, False], ids=["expired", "not looked at"])
async def test_finish_revokes_what_a_key_was_found_with(journal, clock, expires):
    late = await claim_chunk(journal)
    await doubt_key(journal)
    clock.advance(2 * LEASE)
    if expires:
        await journal.expire_leases("x")
    assert await confirm_key(journal, "k", 1, "m")
    kept = await finish_chunk(journal, late, "m")
    assert (kept.state, kept.batch_id) == (State.ACCEPTED, "m")
    key = await journal.key("k")
    assert (key.request.state, key.request.batch_id, key.answer) == (State.UNKNOWN, None, {})
