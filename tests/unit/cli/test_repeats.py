"""The choice of a text's key: repeats within an hour and calls of unknown outcome share one."""

from __future__ import annotations

import pytest

from smsworks_async._idempotency.fingerprints import hash_key
from smsworks_async.cli._repeats import MIDNIGHT_MARGIN, WINDOW, choose_key
from smsworks_async.errors import OutcomeUnknown, ValidationError
from smsworks_async.journals import MemoryJournal
from smsworks_async.models.report import BatchOutcome, Outcome
from support.clock import FakeClock


BASE_URL = "https://api.example.org/v1"
WORDS = ("send", "AcmeCorp", "447700900123", "Hello")
#: A minute before midnight, UTC.
LATE = 20000 * 86400.0 - 60


@pytest.fixture
def clock():
    return FakeClock(LATE)


@pytest.fixture
def journal(clock):
    return MemoryJournal(clock=clock)


async def call(journal, key, outcome, error=None):
    """Record a call with a key, and its outcome."""
    name = hash_key(key, BASE_URL)
    claimed = await journal.claim_key(
        name, operation="messages.send", fields={}, found_by="mark", owner="me", lease=30.0
    )
    await journal.finish_key(
        name, claimed.request, BatchOutcome(0, outcome, 1, "123" if not error else None, error), {}
    )


async def test_choose_key_of_a_new_text_is_of_nobody_else(journal):
    place = await choose_key(journal, BASE_URL, *WORDS)
    assert (place.earlier, place.is_repeat, place.key == place.next_key) == (None, False, True)
    for number in range(4):
        other = [*WORDS]
        other[number] += "x"
        assert (await choose_key(journal, BASE_URL, *other)).key != place.key


@pytest.mark.parametrize("seconds", [0.0, 120.0, WINDOW - 1])
async def test_choose_key_finds_a_repeat_within_the_hour_over_midnight(seconds, journal, clock):
    first = await choose_key(journal, BASE_URL, *WORDS)
    await call(journal, first.key, Outcome.ACCEPTED)
    clock.advance(seconds)
    place = await choose_key(journal, BASE_URL, *WORDS)
    assert place.is_repeat
    assert place.key == first.key
    assert place.age == seconds
    assert place.next_key != first.key
    assert (await journal.key(hash_key(place.next_key, BASE_URL))) is None


@pytest.mark.parametrize("seconds", [WINDOW, 86400.0, 3 * 86400.0])
async def test_choose_key_after_an_hour_is_a_new_one(seconds, journal, clock):
    first = await choose_key(journal, BASE_URL, *WORDS)
    await call(journal, first.key, Outcome.ACCEPTED)
    clock.advance(seconds)
    place = await choose_key(journal, BASE_URL, *WORDS)
    assert (place.earlier, place.is_repeat) == (None, False)
    assert place.key != first.key


async def test_choose_key_of_a_call_in_doubt_is_the_same_until_the_next_day_ends(journal, clock):
    first = await choose_key(journal, BASE_URL, *WORDS)
    await call(journal, first.key, Outcome.UNKNOWN, OutcomeUnknown("x"))
    for seconds in (0.0, 2 * WINDOW, 20 * 3600.0):
        clock.advance(seconds)
        place = await choose_key(journal, BASE_URL, *WORDS)
        assert (place.key, place.is_repeat, place.is_in_doubt) == (first.key, False, True)
    clock.advance(2 * 86400.0)
    assert (await choose_key(journal, BASE_URL, *WORDS)).earlier is None


async def test_choose_key_after_a_refusal_is_a_new_one(journal):
    first = await choose_key(journal, BASE_URL, *WORDS)
    await call(journal, first.key, Outcome.NOT_SENT, ValidationError("x"))
    place = await choose_key(journal, BASE_URL, *WORDS)
    assert (place.earlier, place.is_repeat, place.is_in_doubt) == (None, False, False)
    # With other options, the first key cannot be used.
    assert place.key != first.key


@pytest.mark.parametrize(
    ("outcome", "is_repeat"), [(Outcome.ACCEPTED, True), (Outcome.UNKNOWN, False)]
)
async def test_choose_key_looks_behind_a_refusal(outcome, is_repeat, journal):
    first = await choose_key(journal, BASE_URL, *WORDS)
    error = None if is_repeat else OutcomeUnknown("x")
    await call(journal, first.key, outcome, error)
    again = await choose_key(journal, BASE_URL, *WORDS)
    await call(journal, again.next_key, Outcome.NOT_SENT, ValidationError("x"))
    place = await choose_key(journal, BASE_URL, *WORDS)
    assert (place.key, place.is_repeat, place.is_in_doubt) == (first.key, is_repeat, not is_repeat)


@pytest.mark.parametrize("text", ["Hello ", " Hello", "Hello\n", "Hello\r\n"])
async def test_choose_key_takes_a_text_with_other_blanks_around_it_for_the_same(text, journal):
    first = await choose_key(journal, BASE_URL, *WORDS)
    assert (await choose_key(journal, BASE_URL, *WORDS[:-1], text)).key == first.key


async def test_choose_key_tells_apart_many_sends_of_a_day(journal, clock):
    clock.advance(3600.0)
    keys = set()
    for _ in range(10):
        place = await choose_key(journal, BASE_URL, *WORDS)
        assert not place.is_repeat
        keys.add(place.key)
        await call(journal, place.key, Outcome.ACCEPTED)
        clock.advance(WINDOW)
    assert len(keys) == 10


@pytest.mark.parametrize("seconds", [MIDNIGHT_MARGIN, 1.0, 0.001])
async def test_choose_key_before_and_after_midnight_is_the_same(seconds, journal, clock):
    clock.advance(60 - seconds)
    before = await choose_key(journal, BASE_URL, *WORDS, sleep=clock.sleep)
    assert clock.time() == pytest.approx(LATE + 60)
    clock.advance(seconds)
    after = await choose_key(journal, BASE_URL, *WORDS, sleep=clock.sleep)
    assert before.key == after.key


async def test_choose_key_waits_at_no_other_time(journal, clock):
    for advance in (60 - MIDNIGHT_MARGIN - 1, MIDNIGHT_MARGIN + 1, 43200.0):
        clock.advance(advance)
        await choose_key(journal, BASE_URL, *WORDS, sleep=clock.sleep)
    assert clock.slept == []
