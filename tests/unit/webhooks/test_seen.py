"""Which reports are new, and how many are remembered."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import FINAL_STATUSES
from smsworks_async.webhooks import MemorySeen
from smsworks_async.webhooks.deduplication import is_new
from smsworks_async.webhooks.keyed_lock import KeyedLock


STATUSES = st.sampled_from(["SENT", "ACCEPTED", "A_NEW_ONE", *sorted(FINAL_STATUSES)])


@pytest.mark.parametrize(
    ("status", "handled", "news"),
    [
        ("SENT", (), True),
        ("SENT", ("SENT",), False),
        ("ACCEPTED", ("SENT",), True),
        ("SENT", ("SENT", "ACCEPTED"), False),
        ("DELIVERED", ("SENT",), True),
        ("DELIVERED", ("DELIVERED",), False),
        ("SENT", ("DELIVERED",), False),
        ("EXPIRED", ("DELIVERED",), False),
        ("INCOMING", (), True),
        ("INCOMING", ("INCOMING",), False),
        ("INCOMING", ("DELIVERED",), True),  # ids of both kinds need not be of one series
        ("DELIVERED", ("INCOMING",), True),
    ],
)
def test_is_new_is_true_of_a_status_once_and_never_after_a_final_one(status, handled, news):
    assert is_new(status, handled) is news


@given(st.lists(STATUSES))
def test_is_new_takes_each_status_once_and_nothing_after_a_final_one_in_any_order(reports):
    seen, handled = MemorySeen(), []
    for status in reports:
        if is_new(status, seen.statuses("1")):
            seen.add("1", status)
            handled.append(status)
    assert len(handled) == len(set(handled))
    assert not FINAL_STATUSES & set(handled[:-1])
    assert bool(FINAL_STATUSES & set(handled)) == bool(FINAL_STATUSES & set(reports))


def test_memory_seen_is_bounded_and_forgets_the_least_recently_used():
    seen = MemorySeen(limit=3)
    for number in "123":
        seen.add(number, "SENT")
    assert seen.statuses("1") == ("SENT",)  # this makes it recently used
    seen.add("4", "SENT")
    assert len(seen) == 3
    assert [bool(seen.statuses(number)) for number in "1234"] == [True, False, True, True]


def test_memory_seen_bounds_the_statuses_of_one_message():
    seen = MemorySeen()
    for number in range(100):
        seen.add("1", f"STATUS_{number}")
    assert len(seen.statuses("1")) == 16


def test_keyed_lock_is_held_by_one_thread_at_a_time():
    lock, holders, worst = KeyedLock(), [], []

    def work():
        for _ in range(200):
            while (released := lock.acquire("1")) is not None:
                released.result(60)
            holders.append(1)
            worst.append(len(holders))
            holders.pop()
            lock.release("1")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(worst) == 1
    assert len(worst) == 1600
