"""How fast a run goes: halved by refusals that speak of the moment, and back one by one."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async.bulk.throttle import Pace
from smsworks_async.errors import APIError, NotSent, OutcomeUnknown, RateLimited, ServiceError


BUSY = RateLimited("slow down", status=429, permanent=False)


class Time:
    def __init__(self):
        self.now = 0.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def pace(time):
    return Pace(8, clock=time.clock, sleep=time.sleep)


async def turns(pace, count):
    return [await pace.turn() for _ in range(count)]


async def test_so_many_go_at_a_time_and_no_more(pace):
    await turns(pace, 8)
    ninth = asyncio.ensure_future(pace.turn())
    await asyncio.sleep(0)
    assert not ninth.done()
    pace.done(succeeded=True)
    await ninth


async def test_refusals_of_the_same_moment_halve_once(pace):
    first = await turns(pace, 8)
    for turn in first:
        pace.slow_down(turn, BUSY)
        pace.done(succeeded=False)
    assert pace.limit == 4
    for turn in await turns(pace, 4):
        pace.slow_down(turn, BUSY)
        pace.done(succeeded=False)
    assert pace.limit == 2


async def test_it_never_stops_altogether(pace):
    for _ in range(9):
        pace.slow_down(await pace.turn(), BUSY)
        pace.done(succeeded=False)
    assert pace.limit == 1


async def test_a_round_of_successes_brings_one_back_up_to_what_was_asked_for(pace):
    pace.slow_down(await pace.turn(), BUSY)
    pace.done(succeeded=True)
    seen = []
    for _ in range(4 + 5 + 6 + 7 + 20):
        await pace.turn()
        pace.done(succeeded=True)
        seen.append(pace.limit)
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
async def test_refusals_that_do_not_speak_of_the_moment_change_nothing(pace, error):
    pace.slow_down(await pace.turn(), error)
    assert pace.limit == 8


async def test_a_passing_service_error_halves_too(pace):
    error = ServiceError("no", status=400, code=5006, permanent=False)
    pace.slow_down(await pace.turn(), error)
    assert pace.limit == 4


async def test_retry_after_holds_back_all_of_them(pace, time):
    turn = await pace.turn()
    pace.slow_down(turn, RateLimited("no", status=429, permanent=False, retry_after=7.0))
    await asyncio.gather(pace.turn(), pace.turn())
    assert time.slept[0] == 7.0
    assert time.now == pytest.approx(7.0)
    await pace.turn()
    assert time.now == pytest.approx(7.0)


async def test_who_is_cancelled_while_waiting_leaves_no_gap():
    pace = Pace(1)
    await pace.turn()
    pace.slow_down(0, RateLimited("no", status=429, permanent=False, retry_after=60.0))
    pace.done(succeeded=False)
    waiting = asyncio.ensure_future(pace.turn())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    pace._resume = 0.0
    await pace.turn()


async def test_who_else_paces_is_asked_before_each_turn():
    asked = []

    async def admit():
        asked.append(None)

    pace = Pace(3, admit=admit)
    await turns(pace, 3)
    assert len(asked) == 3
