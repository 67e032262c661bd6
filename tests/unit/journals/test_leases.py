"""Leases: one owner at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.journals import leases
from smsworks_async.journals.leases import Lease


STEPS = st.lists(
    st.tuples(st.sampled_from(["acquire", "release"]), st.sampled_from("abc"), st.floats(0.0, 40.0))
)


@given(STEPS)
def test_lease_is_never_held_by_two_owners_at_the_same_time(steps):
    now, held, sure = 0.0, None, {}
    for what, owner, passed in steps:
        now += passed
        if what == "release":
            held = leases.release(held, owner)
            sure.pop(owner, None)
        else:
            held = leases.acquire(held, owner, now, 60.0)
            if held.owner == owner:
                sure[owner] = now + 60.0
        assert sum(until > now for until in sure.values()) <= 1


@given(st.floats(0.0, 59.9))
def test_lease_is_renewed_by_its_owner_and_by_nobody_else(passed):
    held = Lease("a", 60.0)
    assert leases.acquire(held, "a", passed, 60.0) == Lease("a", passed + 60.0)
    assert leases.acquire(held, "b", passed, 60.0) == held
    assert leases.acquire(held, "b", 60.0, 60.0) == Lease("b", 120.0)


def test_lease_from_before_the_clock_was_set_back_ends_as_soon_as_a_new_one():
    held = leases.acquire(Lease("killed", 3660.0), "b", 10.0, 60.0)
    assert held == Lease("killed", 70.0)
    assert leases.acquire(held, "b", 69.9, 60.0) == held
    assert leases.acquire(held, "b", 70.0, 60.0) == Lease("b", 130.0)


def test_release_leaves_another_owners_lease():
    assert leases.release(Lease("a", 60.0), "a") is None
    assert leases.release(Lease("a", 60.0), "b") == Lease("a", 60.0)
    assert leases.release(None, "a") is None
