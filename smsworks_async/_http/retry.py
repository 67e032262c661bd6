"""Retries: whether to repeat a request and after which wait, run by tenacity."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from smsworks_async._failures import worth_repeating
from smsworks_async._settings import RetryPolicy
from smsworks_async.errors import APIError, SMSWorksError
from smsworks_async.models import values


T = TypeVar("T")

_log = logging.getLogger("smsworks_async")


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Parse a ``Retry-After`` header, seconds or a date; return seconds from now, or None."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), values.LONGEST)
    moment = parse_date(value)
    return None if moment is None else min(max(0.0, moment - now.timestamp()), values.LONGEST)


def parse_date(value: str) -> float | None:
    """Parse a header's date; return POSIX seconds, or None if it is invalid."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


async def repeat(
    attempt: Callable[[], Awaitable[T]],
    first: Exception,
    policy: RetryPolicy,
    *,
    time_left: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    on_retry: Callable[[SMSWorksError], None] | None = None,
) -> T:
    """Retry after a first attempt that failed.

    The first attempt is made without tenacity, which would cost a successful call more than the
    rest of this package; its failure is replayed here as attempt number one. Every call has its own
    instance, because a shared one mixes up the statistics of concurrent calls.

    Args:
        attempt: makes the request once more.
        first: the failure of the first attempt.
        policy: the number of attempts and the waits between them.
        time_left: returns the seconds until the call's deadline.
        sleep: waits for a number of seconds.
        on_retry: called with each failure, before the wait.

    Each repetition is logged at level INFO, by the logger ``smsworks_async``.

    Raises:
        Exception: the last attempt's failure.
    """
    played_back = False

    async def next_attempt() -> T:
        nonlocal played_back
        if not played_back:
            played_back = True
            raise first
        return await attempt()

    backoff = tenacity.wait_random_exponential(multiplier=policy.base, max=policy.cap)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, APIError) else None
        return backoff(state) if asked is None else asked

    def stop(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= policy.attempts or state.upcoming_sleep >= time_left()

    def before_sleep(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.info(
            "attempt %d failed: %s; retry in %.2f s",
            state.attempt_number,
            error,
            state.upcoming_sleep,
        )
        if on_retry is not None and isinstance(error, SMSWorksError):
            on_retry(error)

    retrying = tenacity.AsyncRetrying(
        sleep=sleep,
        wait=wait,
        stop=stop,
        retry=tenacity.retry_if_exception(worth_repeating),
        before_sleep=before_sleep,
        reraise=True,
    )
    return await retrying(next_attempt)
