"""One timer cancels exactly the expired calls."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import math
import weakref
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smsworks_async._http.deadlines import Deadlines


SECONDS = 10.0
#: A call begins, the oldest or the latest running call ends, or time passes.
STEP = st.one_of(
    st.sampled_from(["begin", "oldest ends", "latest ends"]),
    st.floats(min_value=0, max_value=25, allow_nan=False),
)


class Loop:
    """A loop's clock and timers, controlled by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any]] = []
        self.set = 0

    def time(self) -> float:
        return self.now

    def call_at(self, moment: float, function: Any, *, context: contextvars.Context) -> None:
        self.set += 1
        self.timers.append((moment, function))

    def pass_by(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and min(self.timers)[0] <= end:
            moment, function = self.timers.pop(self.timers.index(min(self.timers)))
            self.now = max(self.now, moment)
            function()
        self.now = end


class Scope:
    """Records the time at which it has to end its call, and when that was set."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.told: list[tuple[float, float]] = []

    def reschedule(self, moment: float) -> None:
        self.told.append((moment, self.loop.now))


@given(st.lists(STEP, max_size=60))
def test_deadlines_end_a_call_whose_time_is_over(steps: list[str | float]) -> None:
    loop = Loop()
    deadlines = Deadlines(loop, SECONDS)  # type: ignore[arg-type] # as much of a loop as it needs
    running: dict[Scope, float] = {}
    for step in steps:
        if step == "begin":
            scope = Scope(loop)
            running[scope] = deadlines.begin(scope)  # type: ignore[arg-type] # it is told, no more
            assert running[scope] == loop.now + SECONDS
        elif isinstance(step, str) and running:
            scope = list(running)[0 if step == "oldest ends" else -1]
            deadlines.end(scope)  # type: ignore[arg-type] # as above
            del running[scope]
        elif isinstance(step, float):
            loop.pass_by(step)
        assert len(loop.timers) <= 1
        for scope, deadline in list(running.items()):
            assert scope.told == ([(deadline, deadline)] if deadline <= loop.now else [])
            if scope.told:
                del running[scope]


def test_deadlines_of_calls_that_end_in_time_share_one_timer() -> None:
    loop = Loop()
    deadlines = Deadlines(loop, SECONDS)  # type: ignore[arg-type] # as much of a loop as it needs
    for _ in range(1000):
        scope: Any = Scope(loop)
        deadlines.begin(scope)
        loop.pass_by(0.001)
        deadlines.end(scope)
    assert loop.set == 1
    loop.pass_by(2 * SECONDS)
    assert loop.timers == []


def test_deadlines_set_no_timer_without_a_limit() -> None:
    loop = Loop()
    deadlines = Deadlines(loop, None)  # type: ignore[arg-type] # as much of a loop as it needs
    scope: Any = Scope(loop)
    assert deadlines.begin(scope) == math.inf
    assert loop.set == 0
    deadlines.end(scope)


async def test_deadlines_timer_keeps_nothing_of_the_call_that_set_it() -> None:
    deadlines = Deadlines(asyncio.get_running_loop(), 3600)
    request: contextvars.ContextVar[Any] = contextvars.ContextVar("request")

    class Request:
        pass

    async def call() -> weakref.ref[Request]:
        request.set(Request())
        async with asyncio.timeout(None) as scope:
            deadlines.begin(scope)
            deadlines.end(scope)
        return weakref.ref(request.get())

    of_the_call = await asyncio.create_task(call())
    await asyncio.sleep(0)  # the step that the call's end brought about holds on to it
    gc.collect()
    assert of_the_call() is None


async def test_deadlines_on_a_real_loop_end_the_slow_call_and_no_other() -> None:
    deadlines = Deadlines(asyncio.get_running_loop(), 0.02)

    async def call(work: Any) -> str:
        try:
            async with asyncio.timeout(None) as scope:
                deadlines.begin(scope)
                try:
                    return await work
                finally:
                    deadlines.end(scope)
        except TimeoutError:
            return "too late"

    slow = asyncio.create_task(call(asyncio.Event().wait()))
    quick = await call(asyncio.sleep(0, "in time"))
    assert (await slow, quick) == ("too late", "in time")
    assert await call(asyncio.Event().wait()) == "too late"  # after a timer that has fired
