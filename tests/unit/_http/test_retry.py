"""Whether a request is retried, and after which wait. No test waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import (
    APIError,
    ConfigurationError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RetryPolicy,
    ValidationError,
)
from smsworks_async._failures import worth_repeating
from smsworks_async._http.retry import parse_retry_after, repeat
from support.clock import FakeClock


NOW = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


DEFAULT = RetryPolicy()


async def run(failures, *, seconds=1000.0, policy=DEFAULT):
    clock = FakeClock()
    rest = iter(failures[1:])

    async def attempt():
        failure = next(rest, None)
        if failure is not None:
            raise failure
        return "sent"

    try:
        result = await repeat(
            attempt,
            failures[0],
            policy,
            time_left=lambda: seconds - clock.monotonic(),
            sleep=clock.sleep,
        )
    except Exception as error:
        result = error
    return result, clock.slept


def refusal(**fields):
    return RateLimited("slow down", status=429, permanent=False, **fields)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotSent("x"), True),
        (APIError("x", status=400, permanent=False), True),
        (APIError("x", status=400, permanent=True), False),
        (OutcomeUnknown("x", operation="POST"), False),
        (OutcomeUnknown("x", operation="GET", safe_to_repeat=True), True),
        (ValidationError("x", field="f"), False),
        (ConfigurationError("x"), False),
        (KeyError("x"), False),
    ],
)
def test_worth_repeating_refuses_what_may_have_been_accepted(error, expected):
    assert worth_repeating(error) is expected


async def test_repeat_ends_with_the_first_success():
    result, waits = await run([NotSent("1"), NotSent("2")])
    assert result == "sent"
    assert len(waits) == 2


async def test_repeat_raises_the_last_failure_after_so_many_attempts():
    failures = [NotSent(str(n)) for n in range(10)]
    result, waits = await run(failures, policy=RetryPolicy(attempts=4))
    assert result is failures[3]
    assert len(waits) == 3


async def test_repeat_ends_at_once_when_the_outcome_becomes_unknown():
    lost = OutcomeUnknown("x", operation="POST /message/send")
    result, waits = await run([NotSent("1"), lost, NotSent("3")])
    assert result is lost
    assert len(waits) == 1


@given(st.integers(2, 40), st.floats(0, 5), st.floats(0, 30))
async def test_repeat_waits_within_full_jitter(attempts, base, cap):
    policy = RetryPolicy(attempts=attempts, base=base, cap=cap)
    _, waits = await run([NotSent("x")] * attempts, seconds=1e9, policy=policy)
    assert len(waits) == attempts - 1
    for number, wait in enumerate(waits):
        assert 0 <= wait <= min(cap, base * 2**number) + 1e-9


async def test_repeat_waits_for_retry_after_in_place_of_its_own_wait():
    _, waits = await run([refusal(retry_after=7.0), refusal(retry_after=0.0)])
    assert waits == [7.0, 0.0]


async def test_repeat_raises_the_error_where_the_wait_exceeds_the_time_left():
    error = refusal(retry_after=31.0)
    result, waits = await run([error], seconds=30.0)
    assert result is error
    assert waits == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Tue, 06 May 2031 12:00:30 GMT", 30.0),
        ("Tue, 06 May 2031 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_parse_retry_after_reads_seconds_a_date_or_nothing(value, expected):
    assert parse_retry_after(value, NOW) == expected


@given(st.text(max_size=40))
def test_parse_retry_after_never_raises(value):
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "fields",
    [{"attempts": 0}, {"attempts": 1.5}, {"attempts": True}, {"base": -1}, {"cap": "1"}],
)
def test_retry_policy_out_of_bounds_is_refused(fields):
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        RetryPolicy(**fields)
