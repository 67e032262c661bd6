"""The throttle: halved by temporary rejections, and increased again in steps of one."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async.bulk.throttle import Throttle
from smsworks_async.errors import APIError, NotSent, OutcomeUnknown, RateLimited, ServiceError
from support.clock import FakeClock, SteppedClock


BUSY = RateLimited("slow down", status=429, permanent=False)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def throttle(clock):
    return Throttle(8, clock=clock.monotonic, sleep=clock.sleep)


async def acquired(throttle, count):
    return [await throttle.acquire() for _ in range(count)]


async def test_throttle_lets_so_many_go_at_a_time_and_no_more(throttle):
    await acquired(throttle, 8)
    ninth = asyncio.ensure_future(throttle.acquire())
    await asyncio.sleep(0)
    assert not ninth.done()
    throttle.release(succeeded=True)
    await ninth


async def test_throttle_halves_once_for_refusals_of_the_same_moment(throttle):
    first = await acquired(throttle, 8)
    for permit in first:
        throttle.back_off(permit, BUSY)
        throttle.release(succeeded=False)
    assert throttle.limit == 4
    for permit in await acquired(throttle, 4):
        throttle.back_off(permit, BUSY)
        throttle.release(succeeded=False)
    assert throttle.limit == 2


async def test_throttle_never_stops_altogether(throttle):
    for _ in range(9):
        throttle.back_off(await throttle.acquire(), BUSY)
        throttle.release(succeeded=False)
    assert throttle.limit == 1


async def test_throttle_adds_one_after_a_round_of_successes_up_to_the_limit_asked_for(throttle):
    throttle.back_off(await throttle.acquire(), BUSY)
    throttle.release(succeeded=True)
    seen = []
    for _ in range(4 + 5 + 6 + 7 + 20):
        await throttle.acquire()
        throttle.release(succeeded=True)
        seen.append(throttle.limit)
    assert seen[3] == 5
    assert seen[4 + 5 - 1] == 6
    assert max(seen) == seen[-1] == 8


@pytest.mark.parametrize(
    "error",
    [
        NotSent("no connection"),
        OutcomeUnknown("lost", operation="x"),
        APIError("no", status=400, code=4004),
        ServiceError("flooding", status=400, code=5020),
    ],
)
async def test_throttle_ignores_all_but_temporary_refusals(throttle, error):
    throttle.back_off(await throttle.acquire(), error)
    assert throttle.limit == 8


async def test_throttle_halves_after_a_temporary_service_error(throttle):
    error = ServiceError("no", status=400, code=5006, permanent=False)
    throttle.back_off(await throttle.acquire(), error)
    assert throttle.limit == 4


async def test_throttle_holds_all_requests_back_for_retry_after(throttle, clock):
    permit = await throttle.acquire()
    throttle.back_off(permit, RateLimited("no", status=429, permanent=False, retry_after=7.0))
    await asyncio.gather(throttle.acquire(), throttle.acquire())
    assert clock.slept[0] == 7.0
    assert clock.monotonic() == pytest.approx(7.0)
    await throttle.acquire()
    assert clock.monotonic() == pytest.approx(7.0)


async def test_throttle_keeps_no_permit_of_a_cancelled_wait():
    clock = SteppedClock()
    throttle = Throttle(1, clock=clock.monotonic, sleep=clock.sleep)
    await throttle.acquire()
    throttle.back_off(0, RateLimited("no", status=429, permanent=False, retry_after=60.0))
    throttle.release(succeeded=False)
    waiting = asyncio.ensure_future(throttle.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await clock.turn(60)
    await throttle.acquire()


async def test_throttle_acquires_the_rate_before_each_permit():
    asked = []

    async def acquire_rate():
        asked.append(None)

    throttle = Throttle(3, acquire_rate=acquire_rate)
    await acquired(throttle, 3)
    assert len(asked) == 3
