"""Cancelled scheduled batches, in all journals."""

from __future__ import annotations

from smsworks_async import BatchOutcome, Outcome
from smsworks_async.journals import State
from smsworks_async.journals.records import Command
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS, each_kind, of_kind


class LeavesOutTheFirst:
    """A recipient who has opted out, by a list that is not in the journal."""

    after = None

    def positions(self, claim):
        return "0-0" if claim.record.number == 0 else ""


@each_kind
async def journal(request):
    async with of_kind(request, FakeClock(1000.0)) as made:
        await made.begin(CAMPAIGN)
        await made.plan("x", CHUNKS, PROBLEMS)
        await made.finish_planning("x", TOTALS)
        yield made


async def claim(journal):
    claimed = await journal.claim_next(
        "x", owner="me", lease=10.0, round=0, after=-1, international=False
    )
    return claimed.record


def accepted(batch_id):
    return BatchOutcome(0, Outcome.ACCEPTED, 2, batch_id)


async def state(journal):
    record = (await journal.chunks("x"))[0]
    return record.state, record.batch_id, record.reopenable


async def what(journal):
    return [event.what for event in await journal.events("x", 0)]


async def test_a_recall_makes_a_chunk_pending_once_it_is_confirmed(journal):
    await journal.finish("x", await claim(journal), accepted("1"))
    # Without an intent nothing was to be cancelled.
    assert await journal.confirm_cancelled("x", 0, "1") is None
    assert not await journal.begin_recall("x", 0, "2")
    assert await journal.begin_recall("x", 0, "1")
    assert await state(journal) == (State.ACCEPTED, "1", True)
    assert await journal.confirm_cancelled("x", 0, "2") is None
    record = await journal.confirm_cancelled("x", 0, "1")
    assert record.state is State.PENDING
    assert await state(journal) == (State.PENDING, None, False)
    assert await journal.confirm_cancelled("x", 0, "1") is None
    assert (await what(journal))[-2:] == ["to be scheduled again", "batch cancelled"]
    assert not await journal.has_batch("x", "1")


async def test_a_recall_that_is_too_late_leaves_a_chunk_accepted(journal):
    await journal.finish("x", await claim(journal), accepted("1"))
    assert not await journal.end_recall("x", 0)
    await journal.begin_recall("x", 0, "1")
    assert await journal.end_recall("x", 0)
    assert await state(journal) == (State.ACCEPTED, "1", False)


async def test_a_cancelled_campaign_is_not_recalled_but_cancelled(journal):
    await journal.finish("x", await claim(journal), accepted("1"))
    await journal.steer("x", Command.CANCEL)
    assert not await journal.begin_recall("x", 0, "1")
    assert (await journal.confirm_cancelled("x", 0, "1")).state is State.CANCELLED
    assert await state(journal) == (State.CANCELLED, "1", False)
    assert await journal.has_batch("x", "1")


async def test_a_late_answer_does_not_revive_a_batch_that_was_cancelled(journal):
    claimed = await claim(journal)
    await journal.expire_leases("x")
    journal.clock.advance(100.0)
    await journal.expire_leases("x")
    assert await journal.confirm_found("x", 0, 1, "1")
    await journal.begin_recall("x", 0, "1")
    await journal.confirm_cancelled("x", 0, "1")
    await journal.finish("x", claimed, accepted("1"))
    assert await state(journal) == (State.PENDING, None, False)
    again = await claim(journal)
    await journal.finish("x", claimed, accepted("1"))
    assert await state(journal) == (State.SENDING, None, False)
    journal.clock.advance(100.0)
    await journal.expire_leases("x")
    # Nor does a search that saw it before it was cancelled.
    assert not await journal.confirm_found("x", 0, again.attempt, "1")
    await journal.finish("x", again, accepted("2"))
    assert await state(journal) == (State.ACCEPTED, "2", False)
    assert (await journal.chunks("x"))[0].doubles == ()


async def test_a_late_answer_of_another_batch_is_kept_after_a_cancel(journal):
    claimed = await claim(journal)
    await journal.finish("x", claimed, accepted("1"))
    await journal.steer("x", Command.CANCEL)
    await journal.confirm_cancelled("x", 0, "1")
    await journal.finish("x", claimed, accepted("2"))
    assert await state(journal) == (State.ACCEPTED, "2", False)
    assert (await journal.confirm_cancelled("x", 0, "2")).state is State.CANCELLED


async def test_each_batch_of_a_double_is_cancelled_by_itself(journal):
    claimed = await claim(journal)
    await journal.finish("x", claimed, accepted("1"))
    await journal.finish("x", claimed, accepted("2"))
    await journal.steer("x", Command.CANCEL)
    record = await journal.confirm_cancelled("x", 0, "1")
    assert (record.state, record.batch_id, record.doubles) == (State.ACCEPTED, "2", ())
    assert (await journal.confirm_cancelled("x", 0, "2")).state is State.CANCELLED


async def test_a_restored_chunk_is_in_doubt_after_its_batch_was_cancelled(journal):
    await journal.finish("x", await claim(journal), accepted("1"))
    await journal.suspect("x")
    await journal.begin_recall("x", 0, "1")
    record = await journal.confirm_cancelled("x", 0, "1")
    assert (record.state, record.restored, record.batch_id) == (State.UNKNOWN, True, None)
    assert await journal.clear_doubt("x", 0, record.attempt)
    assert (await state(journal))[0] is State.PENDING


async def test_who_is_in_doubt_stays_so_after_a_batch_without_them_was_cancelled(journal):
    """An earlier request held them, and all the others."""
    claimed = await claim(journal)
    journal.clock.advance(100.0)
    await journal.expire_leases("x")
    assert await journal.resend("x", 0, claimed.attempt, 5.0)
    again = await journal.claim_next(
        "x", owner="me", lease=10.0, round=0, after=-1, international=False,
        leave_out=LeavesOutTheFirst(),
    )  # fmt: skip
    await journal.finish("x", again.record, accepted("2"))
    assert await journal.begin_recall("x", 0, "2")
    record = await journal.confirm_cancelled("x", 0, "2")
    assert (record.state, record.batch_id) == (State.UNKNOWN, None)
