"""The common behaviour of all journals."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from smsworks_async import (
    BatchOutcome,
    InsufficientCredit,
    NotSent,
    Outcome,
    OutcomeUnknown,
    Reason,
    ValidationError,
)
from smsworks_async.journals import (
    Journal,
    MemoryJournal,
    PlannedChunk,
    SQLiteJournal,
    State,
    Totals,
)
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS, each_kind, of_kind


LATE = OutcomeUnknown("lost", operation="x")


@pytest.fixture
def clock():
    return FakeClock(1000.0)


@each_kind
async def journal(request, clock):
    async with of_kind(request, clock) as made:
        yield made


@pytest.fixture
async def planned(journal):
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.finish_planning("x", TOTALS)
    return journal


async def claim(journal, after=-1, *, international=True, round=0, owner="me"):
    return await journal.claim_next(
        "x", owner=owner, lease=10.0, round=round, after=after, international=international
    )


def ended(number, outcome, *, batch_id=None, error=None):
    return BatchOutcome(number, outcome, 2, batch_id=batch_id, error=error)


async def finish(journal, mine, outcome, **more):
    record = mine.record
    return await journal.finish("x", record, ended(record.number, outcome, **more))


def test_journal_keeps_the_protocol():
    assert isinstance(MemoryJournal(), Journal)
    assert isinstance(SQLiteJournal("unused.db"), Journal)


async def test_plan_can_be_repeated(planned):
    await planned.begin(CAMPAIGN)
    await planned.plan("x", CHUNKS, PROBLEMS)
    await planned.finish_planning("x", TOTALS)
    summary = await planned.summary("x")
    assert summary.campaign == attrs.evolve(CAMPAIGN, totals=TOTALS)
    assert summary.states[State.PENDING].recipients == 5
    assert summary.states[State.PENDING].credits == 7.0
    assert [entry.number for entry in await planned.chunks("x")] == [0, 1, 2]
    assert await planned.problems("x") == PROBLEMS
    assert await planned.problems("x", after=3) == PROBLEMS[1:]
    assert await planned.chunks("x", after=0, limit=1) == (await planned.chunks("x"))[1:2]


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
async def test_begin_refuses_another_campaign_of_the_same_name(planned, change, field):
    with pytest.raises(ValidationError) as caught:
        await planned.begin(attrs.evolve(CAMPAIGN, **change))
    assert caught.value.field == field
    assert "Hi" not in str(caught.value)


async def test_plan_refuses_other_recipients_and_changes_nothing(planned):
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
        await planned.finish_planning("x", attrs.evolve(TOTALS, read=8))
    assert (await planned.summary("x")).states[State.PENDING].chunks == 3


async def test_journal_refuses_a_campaign_that_is_not_there(journal):
    for ask in (journal.summary, journal.unknown_chunks, journal.chunks):
        with pytest.raises(ValidationError) as caught:
            await ask("nowhere")
        assert caught.value.field == "campaign"


async def test_claim_next_gives_each_chunk_to_one_owner_in_order(planned):
    claims = await asyncio.gather(*(claim(planned, owner=str(n)) for n in range(5)))
    started = [claim for claim in claims if claim is not None]
    assert sorted(claim.record.number for claim in started) == [0, 1, 2]
    assert {(c.record.number, c.items, c.positions) for c in started} == {
        (0, "a,b", "0-1"),
        (1, "c,d", "2,4"),
        (2, "e", "5"),
    }
    assert all(claim.record.attempt == 1 for claim in started)


async def test_claim_next_leaves_out_chunks_abroad_and_of_other_rounds_where_asked(planned):
    assert (await claim(planned, after=0, international=False)).record.number == 2
    assert await claim(planned, round=1) is None
    assert (await claim(planned, after=0)).record.number == 1


async def test_finish_keeps_an_outcome_with_its_error(planned):
    mine = await claim(planned)
    await finish(planned, mine, Outcome.REJECTED, error=InsufficientCredit("no", status=402))
    (entry,) = await planned.chunks("x", limit=1)
    assert entry.state is State.REJECTED
    assert isinstance(entry.error, InsufficientCredit)
    assert await planned.reopen("x", 0) == 1
    assert await planned.reopen("x", 0) == 0
    mine = await claim(planned)
    assert mine.record.attempt == 2
    entry = await finish(planned, mine, Outcome.ACCEPTED, batch_id="7")
    assert (entry.state, entry.batch_id, entry.error) == (State.ACCEPTED, "7", None)
    assert await planned.has_batch("x", "7")
    assert not await planned.has_batch("x", "8")


async def test_finish_makes_what_did_not_leave_pending_again(planned):
    mine = await claim(planned)
    await finish(planned, mine, Outcome.NOT_SENT, error=NotSent("no connection"))
    assert (await claim(planned)).record.number == 0


async def test_expire_leases_leaves_a_chunk_unknown_that_can_be_settled_once(planned, clock):
    first, second = await claim(planned), await claim(planned)
    assert await planned.expire_leases("x") == 0
    assert (await planned.summary("x")).lease == 10.0
    clock.advance(10.0)
    assert await planned.expire_leases("x") == 2
    assert [entry.number for entry in await planned.unknown_chunks("x")] == [0, 1]
    assert (await planned.summary("x")).lease is None
    assert await planned.confirm_found("x", 0, 1, "7")
    assert not await planned.confirm_found("x", 0, 1, "7")
    assert not await planned.confirm_found("x", 1, 1, "7"), "a batch belongs to one chunk"
    assert not await planned.resend("x", 1, 1, 5.0)
    clock.advance(5.0)
    assert await planned.now() == clock.time()
    assert await planned.resend("x", 1, 1, 5.0)
    assert not await planned.resend("x", 1, 1, 5.0)
    assert (await claim(planned)).record.attempt == 2
    # Outcomes of the first two are too late, unless they are *accepted*.
    assert (await finish(planned, first, Outcome.UNKNOWN, error=LATE)).state is State.ACCEPTED
    assert (await finish(planned, second, Outcome.UNKNOWN, error=LATE)).state is State.SENDING
    late = await finish(planned, second, Outcome.ACCEPTED, batch_id="8")
    assert (late.state, late.batch_id) == (State.ACCEPTED, "8")


async def test_split_puts_two_halves_in_the_place_of_a_refused_chunk(planned):
    mine = await claim(planned)
    halves = [
        PlannedChunk(number=0, items="a", positions="0", size=1, international=False, credits=1.0),
        PlannedChunk(number=0, items="b", positions="1", size=1, international=False, credits=1.0),
    ]
    assert await planned.split("x", 0, mine.record.attempt, halves) == [3, 4]
    assert await planned.split("x", 0, mine.record.attempt, halves) == ()
    summary = await planned.summary("x")
    assert summary.states[State.PENDING].recipients == 5
    assert State.SPLIT not in summary.states
    assert (await planned.read_chunk("x", 4)).items == "b"
    await planned.plan("x", CHUNKS, PROBLEMS)  # the plan is still the same


async def test_plan_round_keeps_a_round_once(planned):
    assert await planned.plan_round("x", 1, [CHUNKS[2]])
    assert not await planned.plan_round("x", 1, [CHUNKS[2]])
    summary = await planned.summary("x")
    assert (summary.campaign.round, summary.later_rounds[State.PENDING].recipients) == (1, 1)
    assert (await claim(planned, round=1)).record.number == 3


async def test_plan_round_refuses_a_round_before_the_one_before_it_is_done(planned):
    assert await planned.plan_round("x", 1, [CHUNKS[2]])
    assert not await planned.plan_round("x", 2, [CHUNKS[2]])
    mine = await claim(planned, round=1)
    broke = InsufficientCredit("no", status=402, code=4021)
    await finish(planned, mine, Outcome.REJECTED, error=broke)
    assert not await planned.plan_round("x", 2, [CHUNKS[2]])
    assert await planned.reopen("x", 0) == 0
    assert await planned.reopen("x", 1) == 1
    await finish(planned, await claim(planned, round=1), Outcome.ACCEPTED, batch_id="7")
    assert await planned.plan_round("x", 2, [CHUNKS[2]])


async def test_finish_takes_a_found_batch_for_the_chunk_that_is_answered_with_it(journal, clock):
    """Of two chunks with the same recipients, the one with the response has the batch."""
    twins = [attrs.evolve(CHUNKS[0], number=n, positions=f"{2 * n}-{2 * n + 1}") for n in (0, 1)]
    await journal.begin(CAMPAIGN)
    await journal.plan("x", twins, [])
    first, second = await claim(journal), await claim(journal)
    await finish(journal, first, Outcome.UNKNOWN, error=LATE)
    assert not await journal.confirm_found("x", 0, 1, "7"), (
        "it may be its twin's, which is being sent"
    )
    await finish(journal, second, Outcome.UNKNOWN, error=LATE)
    assert not await journal.confirm_found("x", 0, 1, "7"), "nor is it known of which of them it is"
    assert await journal.confirm_found("x", 0, 1, "7", others=1), (
        "with another like it there is one each"
    )
    await finish(journal, second, Outcome.ACCEPTED, batch_id="7")
    states = {entry.number: (entry.state, entry.batch_id) for entry in await journal.chunks("x")}
    assert states == {0: (State.UNKNOWN, None), 1: (State.ACCEPTED, "7")}


async def test_resend_keeps_a_chunk_in_doubt_until_it_is_accepted(planned, clock):
    mine = await claim(planned)
    await finish(planned, mine, Outcome.UNKNOWN, error=LATE)
    clock.advance(100)
    assert await planned.resend("x", 0, 1, 5.0)
    assert await planned.reopen("x", 0) == 1  # another run decides independently
    assert [entry.number for entry in await planned.unknown_chunks("x")] == [0]
    assert await planned.resend("x", 0, 1, 5.0)
    mine = await claim(planned)
    assert await planned.split("x", 0, 2, CHUNKS[:2]) == ()
    broke = InsufficientCredit("no", status=402, code=4021)
    entry = await finish(planned, mine, Outcome.REJECTED, error=broke)
    assert entry.state is State.UNKNOWN
    assert await planned.reopen("x", 0) == 0


async def test_finish_planning_refuses_a_shorter_plan_after_an_interrupted_one(journal):
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    none = {Reason.INVALID: 0, Reason.DUPLICATE: 0}
    for shorter in (
        Totals(read=0, set_aside=none, chunks=0),
        attrs.evolve(TOTALS, chunks=2),
        attrs.evolve(TOTALS, set_aside=none),
    ):
        with pytest.raises(ValidationError) as caught:
            await journal.finish_planning("x", shorter)
        assert caught.value.field == "destinations"
    await journal.finish_planning("x", TOTALS)


async def test_events_hold_every_change(planned, clock):
    mine = await claim(planned)
    clock.advance(1)
    await finish(planned, mine, Outcome.ACCEPTED, batch_id="7")
    events = await planned.events("x", 0)
    assert [(event.what, event.detail) for event in events] == [
        ("planned", ""),
        ("started", ""),
        ("accepted", "7"),
    ]
    assert [event.at for event in events] == [1000.0, 1000.0, 1001.0]
    assert events[-1].owner == "me"
    assert len(await planned.events("x")) == 5


async def test_journal_refuses_jobs_that_wait_together_one_by_one(planned):
    """They share a transaction; an error in one undoes only that one."""
    good, bad = claim(planned), planned.plan("x", [attrs.evolve(CHUNKS[0], items="z")], [])
    results = await asyncio.gather(good, bad, claim(planned), return_exceptions=True)
    assert isinstance(results[1], ValidationError)
    assert [results[0].record.number, results[2].record.number] == [0, 1]
    assert (await planned.summary("x")).states[State.SENDING].chunks == 2
