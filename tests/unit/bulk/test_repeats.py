"""Duplicates are found in a set, and in bitmaps if there are many recipients."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.bulk.repeats import Seen


NUMBERS = st.sampled_from([f"4477009000{n:02d}" for n in range(30)])
KEYS = st.one_of(
    NUMBERS,
    st.sampled_from(["447000000000", "447999999999", "33123456789", "4470000000000", "44770"]),
    st.tuples(NUMBERS, st.sampled_from(["a", "b"])),
)


@given(st.lists(st.lists(KEYS, max_size=12), max_size=8), st.integers(0, 20))
def test_add_finds_the_same_repeats_however_many_there_are(slices, many):
    seen, before = Seen(many=many), set()
    for keys in slices:
        expected = []
        for index, key in enumerate(keys):
            if key not in before:
                before.add(key)
                expected.append(index)
        new = seen.add(keys)
        assert (list(range(len(keys))) if new is None else list(new)) == expected


@pytest.mark.parametrize("step", [1, 999])
def test_many_numbers_take_no_more_memory_than_the_bitmap(step):
    seen = Seen(many=1000)
    tracemalloc.start()
    try:
        for first in range(0, 50_000, 500):
            keys = [f"4477{n * step % 10**8:08d}" for n in range(first, first + 500)]
            assert seen.add(keys) is None
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 20_000_000
