"""The rules of idempotency keys."""

from __future__ import annotations

import pytest

from smsworks_async import JournalError
from smsworks_async.journals import MemoryJournal, State
from smsworks_async.journals.key_records import KEPT_FOR, KeyRecord
from support.clock import FakeClock
from support.journal_keys import (
    FIELDS,
    LEASE,
    LOST,
    NOT_SENT,
    REFUSED,
    accepted,
    answer,
    claim_key,
    confirm_key,
    doubt_key,
    finish_key,
    resend_key,
)


DAY = 86400.0


@pytest.fixture
def clock():
    return FakeClock(1e9)


@pytest.fixture
def journal(clock):
    return MemoryJournal(clock=clock)


async def state_of(journal, key="k"):
    return (await journal.key(key)).request.state


# Claims


async def test_claim_key_leaves_a_key_of_another_call_as_it_is(journal):
    first = await claim_key(journal)
    await finish_key(journal, first, REFUSED)
    kept = await claim_key(journal, fields={**FIELDS, "content": "c2"}, owner="another")
    assert (kept.request.state, kept.fields) == (State.REJECTED, FIELDS)


@pytest.mark.parametrize("outcome", [REFUSED, NOT_SENT], ids=lambda o: str(o.outcome))
async def test_claim_key_claims_anew_what_was_refused_or_not_sent(journal, outcome):
    await finish_key(journal, await claim_key(journal), outcome)
    kept = await claim_key(journal, owner="another")
    assert (kept.request.state, kept.request.owner, kept.request.attempt) == (
        State.SENDING,
        "another",
        2,
    )


async def test_claim_key_marks_unknown_whose_lease_has_ended(journal, clock):
    await claim_key(journal)
    clock.advance(LEASE)
    kept = await claim_key(journal, owner="another")
    assert (kept.request.state, kept.request.owner) == (State.UNKNOWN, "of k")


async def test_key_is_none_where_it_is_new(journal):
    assert await journal.key("k") is None


async def test_resend_key_goes_from_unknown_to_sending_in_one_step(journal, clock):
    await doubt_key(journal)
    clock.advance(LEASE + 4)
    assert await resend_key(journal, "k", 1) is None
    clock.advance(1)
    assert await resend_key(journal, "k", 2) is None
    kept = await resend_key(journal, "k", 1)
    assert (kept.request.state, kept.request.attempt, kept.request.resent) == (
        State.SENDING,
        2,
        True,
    )
    assert await resend_key(journal, "new", 0) is None


# Outcomes


async def test_finish_key_keeps_no_words_of_an_error(journal):
    kept = await finish_key(journal, await claim_key(journal), REFUSED)
    assert "447700900001" not in repr(kept)
    assert (kept.request.error.status, kept.request.error.code) == (400, 4002)


async def test_finish_key_leaves_a_key_that_was_resent_unknown_after_a_refusal(journal, clock):
    await doubt_key(journal)
    clock.advance(LEASE + 5)
    again = await resend_key(journal, "k", 1)
    kept = await finish_key(journal, again, REFUSED)
    assert kept.request.state is State.UNKNOWN


async def test_finish_key_replaces_what_was_found_by_the_answer(journal):
    claimed = await doubt_key(journal)
    assert await confirm_key(journal, "k", 1, "m")
    assert (await journal.key("k")).answer == answer("m")
    kept = await finish_key(journal, claimed, accepted("m"))
    assert (kept.answer, kept.request.found) == (answer("m", "ANSWERED"), False)


async def test_finish_key_keeps_the_first_answer_of_two(journal, clock):
    first = await doubt_key(journal)
    clock.advance(LEASE + 5)
    await finish_key(journal, await resend_key(journal, "k", 1), accepted("m2"))
    kept = await finish_key(journal, first, accepted("m1"))
    assert (kept.request.batch_id, kept.request.doubles) == ("m2", ("m1",))
    assert kept.answer == answer("m2", "ANSWERED")


async def test_finish_key_revokes_what_another_key_was_found_with(journal, clock):
    late = await claim_key(journal, "late")
    await doubt_key(journal, "other")
    clock.advance(2 * LEASE)
    assert await confirm_key(journal, "other", 1, "m")
    await finish_key(journal, late, accepted("m"))
    other = await journal.key("other")
    assert (other.request.state, other.request.batch_id, other.answer) == (
        State.UNKNOWN,
        None,
        {},
    )


async def test_finish_key_leaves_a_revoked_key_the_answer_of_its_other_message(journal, clock):
    late = await claim_key(journal, "late")
    first = await doubt_key(journal, "other")
    clock.advance(LEASE + 5)
    await finish_key(journal, await resend_key(journal, "other", 1), LOST)
    clock.advance(2 * LEASE)
    assert await confirm_key(journal, "other", 2, "m")
    await finish_key(journal, first, accepted("own"))
    assert (await journal.key("other")).request.doubles == ("own",)
    await finish_key(journal, late, accepted("m"))
    other = await journal.key("other")
    assert (other.request.state, other.request.batch_id) == (State.ACCEPTED, "own")
    assert other.answer == answer("own")


async def test_finish_key_raises_where_the_key_is_gone(journal, clock):
    claimed = await claim_key(MemoryJournal(clock=clock))
    with pytest.raises(JournalError, match="no longer has this key"):
        await finish_key(journal, claimed, accepted("m"))


# Removal


SETTLED = {"accepted": accepted("m"), "refused": REFUSED, "not sent": NOT_SENT}


@pytest.mark.parametrize("outcome", SETTLED.values(), ids=SETTLED)
async def test_prune_keys_removes_what_was_settled_over_30_days_ago(journal, clock, outcome):
    await finish_key(journal, await claim_key(journal), outcome)
    clock.advance(KEPT_FOR)
    assert await journal.prune_keys(clock.time()) == 0
    clock.advance(1)
    assert await journal.prune_keys(clock.time() - KEPT_FOR - 1) == 0
    assert await journal.prune_keys(clock.time()) == 1
    assert await journal.key("k") is None


async def test_prune_keys_counts_from_the_last_change(journal, clock):
    claimed = await doubt_key(journal)
    clock.advance(20 * DAY)
    await finish_key(journal, claimed, accepted("m"))
    clock.advance(20 * DAY)
    assert await journal.prune_keys(clock.time()) == 0


async def test_prune_keys_leaves_what_is_in_doubt(journal, clock):
    await claim_key(journal, "sending")
    await doubt_key(journal, "unknown")
    clock.advance(10 * KEPT_FOR)
    assert await journal.prune_keys(clock.time()) == 0
    assert await state_of(journal, "sending") is State.UNKNOWN
    assert await state_of(journal, "unknown") is State.UNKNOWN


# Records


def test_key_record_difference_names_the_operation_before_a_field():
    kept = KeyRecord(key_hash="k", operation="a", fields=FIELDS, found_by="mark")
    assert kept.difference("a", dict(reversed(FIELDS.items()))) is None
    assert kept.difference("b", {}) == "the operation (a)"
    assert kept.difference("a", {**FIELDS, "content": "c2"}) == "content"
    assert kept.difference("a", {**FIELDS, "ttl": "t"}) == "ttl"
    assert kept.difference("a", {"content": "c1"}) == "destination"
