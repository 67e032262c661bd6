"""All journals erase the same data of a campaign, and refuse unfinished campaigns."""

from __future__ import annotations

import attrs
import pytest

from smsworks_async import (
    BatchOutcome,
    InsufficientCredit,
    InvalidMessage,
    Outcome,
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.journals import State
from smsworks_async.journals.records import Command
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS, each_kind, of_kind


#: Texts that must not remain of a forgotten campaign.
NUMBER = "447700900123"
QUOTING = InvalidMessage(f"{NUMBER} is not a mobile", status=400, code=4004)
PASSING = InsufficientCredit(f"no credit for {NUMBER}", status=402, code=4021)


@pytest.fixture
def clock():
    return FakeClock(1000.0)


@each_kind
async def journal(request, clock):
    async with of_kind(request, clock) as made:
        yield made


async def plan(journal, name="x"):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, CHUNKS, PROBLEMS)
    await journal.finish_planning(name, TOTALS)


async def send(journal, name="x", *outcomes):
    """Send the chunks of a campaign, each with an outcome; return them as they were claimed."""
    claims = []
    for outcome in outcomes:
        claimed = await journal.claim_next(
            name, owner="me", lease=10.0, round=0, after=-1, international=True
        )
        await journal.finish(name, claimed.record, attrs.evolve(outcome, number=len(claims)))
        claims.append(claimed.record)
    return claims


def accepted(batch_id):
    return BatchOutcome(0, Outcome.ACCEPTED, 2, batch_id=batch_id)


def refused(error):
    return BatchOutcome(0, Outcome.REJECTED, 2, error=error)


LOST = BatchOutcome(0, Outcome.UNKNOWN, 2, error=OutcomeUnknown("lost", operation="x"))
ALL = (accepted("batch-1"), refused(QUOTING), refused(PASSING))


async def everything(journal):
    """Return all data of the campaign x in a journal as text."""
    summary = await journal.summary("x")
    return repr(
        (
            summary.campaign.message,
            [(chunk, chunk.error and chunk.error.args) for chunk in await journal.chunks("x")],
            await journal.events("x"),
            summary,
        )
    )


async def test_forget_erases_quotations_and_keeps_counts_states_times_and_batches(journal, clock):
    await plan(journal)
    await send(journal, "x", *ALL)
    before, events = await journal.summary("x"), await journal.events("x")
    assert NUMBER in await everything(journal)
    clock.advance(5)
    await journal.forget("x")
    assert NUMBER not in await everything(journal)
    after = await journal.summary("x")
    assert after.states == before.states
    assert after.campaign.totals == before.campaign.totals
    assert (after.campaign.message, after.campaign.forgotten) == ({}, 1005.0)
    chunks = await journal.chunks("x")
    assert [chunk.state for chunk in chunks] == [State.ACCEPTED, State.REJECTED, State.REJECTED]
    assert [(c.batch_id, c.error and c.error.code) for c in chunks] == [
        ("batch-1", None),
        (None, 4004),
        (None, 4021),
    ]
    kept = [event for event in await journal.events("x") if event.what != "forgotten"]
    assert [(e.at, e.what) for e in kept] == [(e.at, e.what) for e in events]
    assert {event.detail for event in kept} == {"", "batch-1"}


async def test_what_needs_a_number_or_a_text_says_that_it_is_gone(journal):
    await plan(journal)
    await send(journal, "x", *ALL)
    await journal.forget("x")
    for call in (
        journal.begin(CAMPAIGN),
        journal.plan("x", CHUNKS, PROBLEMS),
        journal.finish_planning("x", TOTALS),
        journal.plan_round("x", 1, CHUNKS[:1]),
        journal.read_chunk("x", 0),
        journal.problems("x"),
    ):
        with pytest.raises(ValidationError, match="was forgotten") as caught:
            await call
        assert caught.value.field == "campaign"
    # Chunks that were refused for a temporary reason do not become pending again either.
    assert await journal.reopen("x", 0) == 0
    assert await journal.suspect("x") == 0


async def test_forget_a_second_time_changes_nothing(journal, clock):
    await plan(journal)
    await send(journal, "x", *ALL)
    await journal.forget("x")
    before = await everything(journal)
    clock.advance(60)
    await journal.forget("x")
    assert await everything(journal) == before


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ((), "5 recipients are still pending"),
        ((accepted("1"), LOST, accepted("2")), "the outcome of 2 recipients is unknown"),
    ],
)
async def test_forget_refuses_while_something_is_open(journal, outcomes, why):
    await plan(journal)
    await send(journal, "x", *outcomes)
    before = await everything(journal)
    with pytest.raises(ValidationError, match=why) as caught:
        await journal.forget("x")
    assert caught.value.field == "campaign"
    assert await everything(journal) == before


async def test_forget_refuses_what_is_on_its_way_or_not_planned_whole(journal):
    await journal.begin(CAMPAIGN)
    with pytest.raises(ValidationError, match="planning is not complete"):
        await journal.forget("x")
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.claim_next("x", owner="me", lease=10.0, round=0, after=-1, international=True)
    await journal.steer("x", Command.CANCEL)
    with pytest.raises(ValidationError, match="in flight"):
        await journal.forget("x")


async def test_forget_takes_a_cancelled_campaign_and_the_reason(journal):
    await plan(journal)
    await journal.steer("x", Command.CANCEL, f"wrong for {NUMBER}")
    await journal.forget("x")
    assert NUMBER not in await everything(journal)
    assert {chunk.state for chunk in await journal.chunks("x")} == {State.CANCELLED}


async def test_a_refusal_that_comes_after_forget_leaves_no_quotation(journal):
    await plan(journal)
    (first, *_) = await send(journal, "x", *ALL)
    await journal.forget("x")
    await journal.finish("x", first, refused(QUOTING))
    assert NUMBER not in await everything(journal)
    await journal.finish("x", first, accepted("batch-9"))
    assert (await journal.chunks("x"))[0].doubles == ("batch-9",)


async def test_prune_forgets_what_ended_before_and_has_nothing_open(journal, clock):
    for name in ("old", "open", "cancelled", "new"):
        if name == "new":
            clock.advance(100)
        await plan(journal, name)
        if name in {"old", "new"}:
            await send(journal, name, *ALL)
    await journal.steer("cancelled", Command.CANCEL)  # its last event is of now
    assert await journal.prune(1050.0) == ["old"]
    assert await journal.prune(1050.0) == []
    clock.advance(1)
    assert await journal.prune(clock()) == ["cancelled", "new"]
    assert (await journal.summary("open")).campaign.forgotten is None


async def test_forget_leaves_other_campaigns_and_opt_outs_alone(journal):
    for name in ("x", "y"):
        await plan(journal, name)
        await send(journal, name, *(attrs.evolve(o, batch_id=o.batch_id and name) for o in ALL))
    await journal.record_opt_out(NUMBER, "out", source="shop")
    before = [repr(await journal.read_chunk("y", n)) for n in range(3)]
    events = await journal.events("y")
    await journal.forget("x")
    assert [repr(await journal.read_chunk("y", n)) for n in range(3)] == before
    assert await journal.events("y") == events
    assert await journal.problems("y") == PROBLEMS
    assert await journal.opted_out([NUMBER]) == {NUMBER}
