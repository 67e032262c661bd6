"""Left-out recipients of each request of a chunk, in all journals."""

from __future__ import annotations

from smsworks_async import BatchOutcome, Outcome
from smsworks_async.journals import State
from support.clock import FakeClock
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS, each_kind, of_kind


class LeavesOut:
    """Opted-out recipients, from a list elsewhere."""

    after = None

    def __init__(self, positions):
        self._positions = positions

    def positions(self, claim):
        return self._positions


@each_kind
async def journal(request):
    async with of_kind(request, FakeClock(1000.0)) as made:
        await made.begin(CAMPAIGN)
        await made.plan("x", CHUNKS, PROBLEMS)
        await made.finish_planning("x", TOTALS)
        yield made


async def claim(journal, left_out):
    claimed = await journal.claim_next(
        "x",
        owner="me",
        lease=10.0,
        round=0,
        after=-1,
        international=False,
        leave_out=LeavesOut(left_out) if left_out else None,
    )
    return claimed.record


async def lose(journal, record):
    journal.clock.advance(100.0)
    await journal.expire_leases("x")
    assert await journal.resend("x", record.number, record.attempt, 5.0)


def counts(record):
    return record.left_out, record.opted_out, record.excluded, record.opted


async def finish(journal, claimed, outcome=Outcome.ACCEPTED):
    batch_id = f"b{claimed.attempt}" if outcome is Outcome.ACCEPTED else None
    return await journal.finish("x", claimed, BatchOutcome(0, outcome, 2, batch_id))


async def test_who_was_left_out_of_every_request_is_opted_out(journal):
    first = await claim(journal, "0-0")
    await lose(journal, first)
    record = await finish(journal, await claim(journal, "0-0"))
    assert (record.state, *counts(record)) == (State.ACCEPTED, "0-0", "0-0", 1, 1)


async def test_who_was_in_a_lost_request_is_in_doubt_and_not_opted_out(journal):
    await lose(journal, await claim(journal, ""))
    record = await finish(journal, await claim(journal, "0-0"))
    assert counts(record) == ("0-0", "", 1, 0)


async def test_a_late_answer_accepts_those_alone_who_were_in_its_request(journal):
    first = await claim(journal, "0-0")
    await lose(journal, first)
    await claim(journal, "")  # opted in again, and the response is outstanding
    record = await finish(journal, first)
    assert (record.state, record.batch_id) == (State.ACCEPTED, "b1")
    assert counts(record) == ("0-0", "", 1, 0)


async def test_a_late_answer_accepts_those_who_opted_out_after_its_request(journal):
    first = await claim(journal, "")
    await lose(journal, first)
    await claim(journal, "0-0")
    record = await finish(journal, first)
    assert counts(record) == ("", "", 0, 0)


async def test_what_was_not_sent_leaves_nobody_out(journal):
    record = await finish(journal, await claim(journal, "0-0"), Outcome.NOT_SENT)
    assert (record.state, *counts(record)) == (State.PENDING, "", "", 0, 0)
