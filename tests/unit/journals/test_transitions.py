"""Transitions of chunks: at any time at most one request of a chunk can be accepted."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.errors import (
    APIError,
    ConfigurationError,
    InsufficientCredit,
    InvalidMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
)
from smsworks_async.journals import recalls, reconciliation, transitions
from smsworks_async.journals.records import (
    ChunkRecord,
    State,
    pack_error,
    pack_positions,
    unpack_error,
    unpack_positions,
)
from smsworks_async.models.report import BatchOutcome, Outcome


PENDING = ChunkRecord(number=0, size=3, international=False, credits=3.0)


def outcome(what, batch_id=None, error=None):
    return BatchOutcome(0, what, 3, batch_id=batch_id, error=error)


ACCEPTED = outcome(Outcome.ACCEPTED, "1")
UNKNOWN = outcome(Outcome.UNKNOWN, error=OutcomeUnknown("lost", operation="x"))
NOT_SENT = outcome(Outcome.NOT_SENT, error=NotSent("no"))
BROKE = outcome(Outcome.REJECTED, error=InsufficientCredit("no", status=402, code=4021))
REFUSED = outcome(Outcome.REJECTED, error=InvalidMessage("no", status=400, code=4002))


def sending(now=0.0, lease=10.0):
    return transitions.claim(PENDING, "a", now, lease)[0]


def test_claim_records_its_owner_its_attempt_and_its_lease():
    entry, what, _ = transitions.claim(PENDING, "a", 5.0, 10.0)
    assert (entry.state, entry.owner, entry.attempt) == (State.SENDING, "a", 1)
    assert (entry.began, entry.lease, what) == (5.0, 15.0, "started")


def test_finish_goes_by_the_answer():
    assert transitions.finish(sending(), 1, ACCEPTED)[0].batch_id == "1"
    assert transitions.finish(sending(), 1, ACCEPTED)[0].state is State.ACCEPTED
    assert transitions.finish(sending(), 1, REFUSED)[0].state is State.REJECTED
    assert transitions.finish(sending(), 1, UNKNOWN)[0].state is State.UNKNOWN
    assert transitions.finish(sending(), 1, NOT_SENT)[0].state is State.PENDING


def test_finish_with_a_late_answer_upgrades_what_is_unknown():
    unknown = transitions.expire(sending(), 10.0)[0]
    assert unknown.state is State.UNKNOWN
    accepted = attrs.evolve(unknown, state=State.ACCEPTED, batch_id="1", error=None)
    assert transitions.finish(unknown, 1, ACCEPTED)[:2] == (accepted, "accepted")
    assert transitions.finish(unknown, 1, NOT_SENT)[0].state is State.PENDING


def test_finish_of_an_older_attempt_changes_nothing_unless_it_was_accepted():
    resent = reconciliation.resend(transitions.expire(sending(), 10.0)[0], 1, 100.0, 5.0)[0]
    again = transitions.claim(resent, "b", 100.0, 10.0)[0]
    for late in (UNKNOWN, NOT_SENT, REFUSED):
        assert transitions.finish(again, 1, late)[:2] == (
            again,
            f"{late.outcome}, too late to matter",
        )
    # Its own failure does not prove that the previous one was not accepted either.
    for own in (UNKNOWN, NOT_SENT, REFUSED, BROKE):
        assert transitions.finish(again, 2, own)[0].state is State.UNKNOWN
    known = transitions.finish(again, 1, ACCEPTED)
    assert (known[0].state, known[1]) == (State.ACCEPTED, "accepted, late")
    twice = transitions.finish(known[0], 2, outcome(Outcome.ACCEPTED, "2"))
    assert twice[:2] == (attrs.evolve(known[0], doubles=("2",)), "accepted a second time")
    # Each batch counts once, even if its response is recorded repeatedly.
    assert transitions.finish(twice[0], 2, outcome(Outcome.ACCEPTED, "2"))[:2] == (
        twice[0],
        "accepted, as was known",
    )
    assert transitions.finish(known[0], 2, UNKNOWN)[0] is known[0]


def test_expire_leaves_a_lease_that_lasts_alone():
    assert transitions.expire(sending(), 9.99) is None
    assert transitions.expire(PENDING, 99.0) is None


def test_resend_waits_for_the_lease_and_the_time_of_a_request():
    unknown = transitions.finish(sending(), 1, UNKNOWN)[0]
    assert reconciliation.resend(unknown, 1, 14.9, 5.0) is None
    assert reconciliation.resend(unknown, 1, 15.0, 5.0)[0].state is State.PENDING
    assert reconciliation.resend(unknown, 2, 15.0, 5.0) is None
    assert reconciliation.resend(sending(), 1, 99.0, 5.0) is None


def test_reopen_takes_only_a_refusal_that_may_have_passed():
    broke = transitions.finish(sending(), 1, BROKE)[0]
    refused = transitions.finish(sending(), 1, REFUSED)[0]
    assert transitions.reopen(broke)[0].state is State.PENDING
    assert transitions.reopen(refused) is None
    assert transitions.reopen(PENDING) is None


def test_split_takes_only_the_attempt_that_was_refused():
    assert transitions.split(sending(), 1)[0].state is State.SPLIT
    assert transitions.split(sending(), 2) is None
    assert transitions.split(PENDING, 0) is None


def test_confirm_found_accepts_unless_the_chunk_has_moved_on():
    unknown = transitions.expire(sending(), 10.0)[0]
    assert reconciliation.confirm_found(unknown, 1, "7")[0].batch_id == "7"
    assert reconciliation.confirm_found(unknown, 2, "7") is None
    assert reconciliation.confirm_found(sending(), 1, "7") is None


def test_confirm_cancelled_needs_an_accepted_chunk_and_a_recall_or_a_cancelled_campaign():
    def confirm(record, batch_id="1", *, final=False, restored=False):
        return recalls.confirm_cancelled(record, batch_id, final=final, restored=restored)

    accepted = transitions.finish(sending(), 1, ACCEPTED)[0]
    recalled = recalls.begin_recall(accepted, "1")[0]
    assert recalls.begin_recall(accepted, "2") is None
    assert recalls.begin_recall(sending(), "1") is None
    assert confirm(accepted) is None
    assert confirm(recalled, "2") is None
    assert confirm(sending(), final=True) is None
    assert confirm(recalled)[0] == attrs.evolve(
        accepted, state=State.PENDING, batch_id=None, error=None
    )
    assert confirm(accepted, final=True)[0] == attrs.evolve(accepted, state=State.CANCELLED)
    assert confirm(recalled, restored=True)[0].state is State.UNKNOWN
    assert recalls.end_recall(recalled)[0] == accepted
    assert recalls.end_recall(accepted) is None


OUTCOMES = {
    "finish accepted": ACCEPTED,
    "finish unknown": UNKNOWN,
    "finish not sent": NOT_SENT,
    "finish refused": REFUSED,
    "finish broke": BROKE,
}
steps = st.lists(
    st.sampled_from(
        ["start", "expire", "resend", "reopen", "found", "late accepted", "recall", *OUTCOMES]
    ),
    max_size=40,
)


@given(steps)
def test_transitions_lose_no_acceptance_and_double_no_request_in_any_history(history):  # noqa: C901, PLR0912 - a machine
    """Between two starts there is a proof that nobody was texted, or an explicit resend.

    A proof is a request that did not leave, a refusal, or a batch that was cancelled in time.
    """
    entry, now = PENDING, 0.0
    excused, accepted, started = True, False, False
    for step in history:
        now += 1.0
        before = entry
        if step == "start":
            if entry.state is State.PENDING:
                assert excused
                entry, excused, started = transitions.claim(entry, "a", now, 3.0)[0], False, True
        elif step == "recall":
            change = recalls.begin_recall(entry, entry.batch_id or "")
            if change is not None and not entry.doubles:
                recalled = change[0]
                entry = recalls.confirm_cancelled(
                    recalled, entry.batch_id, final=False, restored=False
                )[0]
                assert entry.state is State.PENDING
                excused, accepted = True, False
                continue
        elif step == "late accepted":
            if started:
                entry = transitions.finish(entry, max(1, entry.attempt - 1), ACCEPTED)[0]
                accepted = True
        elif step in OUTCOMES:
            if entry.state is State.SENDING:
                entry = transitions.finish(entry, entry.attempt, OUTCOMES[step])[0]
                excused = entry.state is not State.UNKNOWN
                accepted = accepted or step == "finish accepted"
        else:
            change = {
                "expire": transitions.expire,
                "resend": lambda e, at: reconciliation.resend(e, e.attempt, at, 2.0),
                "reopen": lambda e, _: transitions.reopen(e),
                "found": lambda e, _: reconciliation.confirm_found(e, e.attempt, "1"),
            }[step](entry, now)
            if isinstance(change, tuple):
                entry = change[0]
                excused = excused or step == "resend"
                accepted = accepted or step == "found"
        if accepted:
            assert entry.state is State.ACCEPTED
        if before.state is State.ACCEPTED:
            # Only a found batch, without a response, can still be reassigned.
            assert attrs.evolve(entry, found=before.found) == before


@given(st.lists(st.integers(0, 3000), min_size=1, unique=True).map(sorted))
def test_pack_positions_is_undone_by_unpack_positions(positions):
    assert list(unpack_positions(pack_positions(positions))) == positions


def test_pack_positions_writes_positions_in_a_row_as_one_run():
    assert pack_positions(range(500)) == "0-499"
    assert pack_positions([7]) == "7-7"
    assert pack_positions([1, 2, 3, 9]) == "1-3,9"


def test_pack_error_is_undone_by_unpack_error():
    for error in (
        RateLimited("slow down", status=429, permanent=False),
        InsufficientCredit("no", status=402, code=4021),
        APIError("odd", status=418),
        OutcomeUnknown("lost", operation="POST /batch/send"),
        NotSent("no connection"),
        ConfigurationError("closed"),
    ):
        back = unpack_error(pack_error(error))
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert getattr(back, "permanent", None) == getattr(error, "permanent", None)
        assert back.safe_to_repeat == error.safe_to_repeat
    assert unpack_error(pack_error(None)) is None


def test_finish_keeps_the_recall_of_a_batch_that_was_found_before_its_late_answer():
    """Its DELETE may have been executed, so the recall must be completed."""
    record = ChunkRecord(
        number=0,
        size=2,
        credits=2.0,
        international=False,
        state=State.ACCEPTED,
        attempt=1,
        batch_id="b0",
        found=True,
    )
    recalled = recalls.begin_recall(record, "b0").record
    late = transitions.finish(recalled, 1, BatchOutcome(0, Outcome.ACCEPTED, 2, "b0")).record
    assert (late.found, late.reopenable) == (False, True)
