"""Every history of a small model of calls with a key: one text for a key, and correct results.

The bounds are small here, and larger with ``SMSWORKS_TEST_SLOW=1``.
"""

from __future__ import annotations

import time

import attrs
import pytest

from smsworks_async._idempotency import claims, sends
from smsworks_async.bulk.campaign import candidates, reconciler
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.journals import State, finding, keys, memory_keys, reconciliation, transitions
from smsworks_async.journals.key_records import KeyRecord
from support.exploration.world import Violation
from support.key_exploration.explorer import Exploration
from support.key_exploration.world import Bound, Made, describe


CALL = Made()
RESENDING = Made(resends=True)
OTHER_TEXT = Made(text=1)
OTHER_KEY = Made(key=1)
OTHER_KEY_RESENDING = Made(key=1, resends=True)

RESENT = (CALL, RESENDING)
#: Two batches with the same recipients and text, and a key for each.
TWINS = Bound(kind="batch", calls=(CALL, OTHER_KEY), prompt=True)
TWINS_RESENT = Bound(kind="batch", calls=(CALL, OTHER_KEY_RESENDING), claims=3, prompt=True)

#: Without `resend` a key is accepted at most once, even if searches do not show all messages.
WITHOUT_RESEND = [
    Bound(steps_forward=1),
    Bound(calls=(CALL, CALL, CALL), claims=1),
    Bound(calls=(CALL, OTHER_TEXT)),
    Bound(kind="batch", hidden=1, refusals_with_ids=True),
    Bound(kind="passcode", refusals_with_ids=True),
]
#: With it, it is unless the search hid what had been accepted for longer than `SETTLE`.
WITH_RESEND = [
    Bound(calls=RESENT),
    Bound(calls=(RESENDING,), steps_forward=1),
    Bound(calls=(RESENDING,), steps_back=1, hidden=1),
]
SLOWLY = [
    TWINS,
    Bound(calls=(CALL, CALL, CALL)),
    Bound(calls=RESENT, steps_forward=1),
    Bound(calls=RESENT, shows_marks=False),
    Bound(steps_forward=1, steps_back=1, hidden=1),
    Bound(calls=(RESENDING, RESENDING), refusals_with_ids=True),
    Bound(kind="passcode", calls=RESENT, hidden=1),
    Bound(calls=RESENT, steps_forward=1, steps_back=1, hidden=1),
    Bound(calls=RESENT, claims=3, hidden=1),
    Bound(calls=(CALL, CALL, RESENDING)),
    Bound(calls=(CALL, OTHER_TEXT, RESENDING)),
    Bound(kind="batch", calls=(CALL, OTHER_KEY), steps_forward=1),
    TWINS_RESENT,
]


def explored(bound, steps=None):
    exploration = Exploration(bound)
    began = time.perf_counter()
    states = exploration.run(steps)
    print(describe(bound, states, time.perf_counter() - began))  # noqa: T201


@pytest.mark.parametrize("bound", WITHOUT_RESEND, ids=str)
def test_calls_with_a_key_are_accepted_once_and_told_so(bound):
    explored(bound)


@pytest.mark.parametrize("bound", WITH_RESEND, ids=str)
def test_calls_that_resend_are_accepted_once_unless_the_search_hid_it(bound):
    explored(bound)


def test_a_batch_is_not_taken_for_another_keys_while_it_may_be_answered():
    explored(TWINS, steps=11)


@pytest.mark.slow
@pytest.mark.parametrize("bound", SLOWLY, ids=str)
def test_calls_with_a_key_in_larger_worlds(bound):
    explored(bound)


# Proof that faults are found: mutants of the package's code, and the bounds that reveal them.


def no_fingerprint(patch):
    patch.setattr(KeyRecord, "difference", lambda *_: None)


def no_lease_at_the_write(patch):
    patch.setattr(claims, "lease_is_over", lambda *_, **__: False)


def the_wall_clock_alone_at_the_write(patch):
    patch.setattr(
        claims, "lease_is_over", lambda lease, *, since_claim, now, lease_end: now >= lease_end
    )


def a_resend_without_a_watch(patch):
    patch.setattr(reconciler, "until_resend", lambda *_, **__: 0.0)
    patch.setattr(sends, "longest_request", lambda *_: -1e9)


def the_wall_clock_alone_before_a_resend(patch):
    def left(entry, *, watched, now, own, until_resend=reconciler.until_resend):
        return until_resend(entry, watched=1e9, now=now, own=own)

    patch.setattr(reconciler, "until_resend", left)


def a_claim_that_is_not_recorded(patch):
    async def write(store, kept, change, answer=None, write_key=keys.write_key):
        if change.record.state is not State.SENDING:
            return await write_key(store, kept, change, answer)
        if await store.key_record(kept.key_hash) is None:
            await store.write_key(kept)
        return attrs.evolve(kept, request=change.record)

    patch.setattr(keys, "write_key", write)


def an_answer_that_is_recorded_before_it_came(patch):
    async def write(store, kept, change, answer=None, write_key=keys.write_key):
        if change.record.state is State.SENDING:
            early = attrs.evolve(change.record, state=State.ACCEPTED, batch_id="0-0")
            await store.write_key(
                attrs.evolve(kept, request=early, answer={"message_id": "0-0", "status": "SENT"})
            )
            return attrs.evolve(kept, request=change.record)
        return await write_key(store, kept, change, answer)

    patch.setattr(keys, "write_key", write)


def a_claim_of_what_is_being_sent(patch):
    patch.setattr(
        KeyRecord, "is_free", property(lambda kept: kept.request.state is not State.ACCEPTED)
    )


def an_expired_lease_that_frees_the_key(patch):
    def expire(entry, now, expire=transitions.expire):
        change = expire(entry, now)
        return change and transitions.change(change.record, change.event, state=State.PENDING)

    patch.setattr(transitions, "expire", expire)


def a_refusal_that_frees_a_key_that_was_resent(patch):
    def finish(entry, attempt, outcome, finish=transitions.finish, **more):
        return finish(attrs.evolve(entry, resent=False), attempt, outcome, **more)

    patch.setattr(transitions, "finish", finish)


def a_late_failure_that_hides_another_request(patch):
    patch.setattr(sends, "_has_another", lambda claimed, kept: kept.request.state is State.UNKNOWN)


def a_late_answer_that_is_lost(patch):
    def accept(entry, attempt, outcome, *more, accept=transitions._accept):
        if entry.attempt != attempt or entry.state is not State.SENDING:
            return transitions.Change(entry, "too late", {})
        return accept(entry, attempt, outcome, *more)

    patch.setattr(transitions, "_accept", accept)


def a_double_that_is_not_kept(patch):
    def finish(entry, attempt, outcome, finish=transitions.finish, **more):
        change = finish(entry, attempt, outcome, **more)
        return change._replace(record=attrs.evolve(change.record, doubles=()))

    patch.setattr(transitions, "finish", finish)


def no_trace_rule(patch):
    def judge(candidate, request, judge=candidates.judge):
        found = judge(candidate, request)
        return Finding.NOTHING if found is Finding.TRACE else found

    patch.setattr(candidates, "judge", judge)


def found_while_another_is_on_its_way(patch):
    async def nobody(store, kept, size):
        return False

    patch.setattr(finding, "_may_be_anothers", nobody)


def found_while_its_own_is_on_its_way(patch):
    def others_alone(record, others, now, is_too_early=finding._is_too_early):
        return is_too_early(attrs.evolve(record, lease=now - record.lease_seconds), others, now)

    patch.setattr(finding, "_is_too_early", others_alone)


def a_batch_that_two_keys_may_have(patch):
    async def none(self, message_id, *, found=False):
        return []

    patch.setattr(memory_keys.MemoryKeys, "keys_with", none)


def nothing_is_ever_found(patch):
    async def never(store, *_, **__):
        return False

    patch.setattr(finding, "confirm_found", never)
    patch.setattr(reconciliation, "confirm_found", lambda *_: None)


MUTANTS = [
    (no_fingerprint, Bound(calls=(CALL, OTHER_TEXT))),
    (no_lease_at_the_write, Bound(calls=RESENT)),
    (the_wall_clock_alone_at_the_write, Bound(calls=RESENT, steps_forward=1, steps_back=1)),
    (a_resend_without_a_watch, Bound(calls=RESENT)),
    (the_wall_clock_alone_before_a_resend, Bound(calls=RESENT, steps_forward=1)),
    (a_claim_that_is_not_recorded, Bound()),
    (an_answer_that_is_recorded_before_it_came, Bound()),
    (a_claim_of_what_is_being_sent, Bound()),
    (an_expired_lease_that_frees_the_key, Bound()),
    (a_refusal_that_frees_a_key_that_was_resent, Bound(calls=RESENT, hidden=1)),
    (a_late_failure_that_hides_another_request, Bound(calls=RESENT)),
    (a_late_answer_that_is_lost, Bound()),
    (a_double_that_is_not_kept, Bound(calls=RESENT, hidden=1)),
    (no_trace_rule, Bound(calls=RESENT, shows_marks=False)),
    (found_while_another_is_on_its_way, TWINS),
    (found_while_its_own_is_on_its_way, TWINS_RESENT),
    (a_batch_that_two_keys_may_have, TWINS),
    (nothing_is_ever_found, Bound()),
]


#: They take more states than the others.
MUTANTS_SLOWLY = {
    found_while_its_own_is_on_its_way,
    the_wall_clock_alone_at_the_write,
    the_wall_clock_alone_before_a_resend,
    a_late_failure_that_hides_another_request,
    a_refusal_that_frees_a_key_that_was_resent,
    a_double_that_is_not_kept,
    no_trace_rule,
    a_batch_that_two_keys_may_have,
}


@pytest.mark.parametrize(
    ("mutant", "bound"),
    [
        pytest.param(*one, marks=pytest.mark.slow if one[0] in MUTANTS_SLOWLY else ())
        for one in MUTANTS
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_key_exploration_finds_what_is_wrong(monkeypatch, mutant, bound):
    mutant(monkeypatch)
    exploration = Exploration(bound)
    with pytest.raises(Violation) as found:
        exploration.run()
    print(f"{mutant.__name__}: {len(exploration.seen)} states, {found.value}")  # noqa: T201
    # Replaying the history leads to the same state.
    worlds = exploration.replay(found.value.history)
    assert exploration.problem(worlds[-1]) == found.value.what
    assert not any(map(exploration.problem, worlds[:-1]))
