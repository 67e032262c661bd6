"""Where a request is served: on an event loop, or on a thread of its own.

What is done with a request is written once, as a coroutine, and asks its world for whatever may
take time. On a loop that is awaited. On a thread it is done there and then, so that the coroutine
never stops and needs no loop to run on.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from smsworks_async import functions
from smsworks_async.portal import Portal


T = TypeVar("T")


class World(Protocol):
    """What takes time, done as befits the place."""

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and give its result."""
        ...

    def begin(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Awaitable[Any]:
        """Call a function that is known to be async, and give its result when awaited."""
        ...

    async def settled(self, value: object) -> Any:
        """Give a value, or what comes of it where it is to be awaited."""
        ...

    async def over(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for something to end, and say whether it did in time."""
        ...


class OnLoop:
    """A running event loop: plain functions go to a thread."""

    call = staticmethod(functions.call)
    settled = staticmethod(functions.settled)

    def begin(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Awaitable[Any]:
        """Call a function that is known to be async, and give its result when awaited."""
        return function(*args)

    async def over(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for something to end, and say whether it did in time."""
        done, _ = await asyncio.wait([asyncio.wrap_future(event)], timeout=seconds)
        return bool(done)


class OnThread:
    """A thread that may block: plain functions are called on it, directly.

    Async ones run on a loop of ours in the background, one and the same for all requests, so that
    what they share (a client, a pool) belongs to one loop.
    """

    def __init__(self) -> None:
        self._portal = Portal(_nothing)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and give its result."""
        return await self.settled(function(*args))

    begin = call

    async def settled(self, value: object) -> Any:
        """Give a value, or what comes of it where it is to be awaited."""
        if inspect.isawaitable(value):
            return self._portal.run(lambda _: functions.settled(value))
        return value

    async def over(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for something to end, and say whether it did in time."""
        return bool(concurrent.futures.wait([event], seconds).done)


async def _nothing() -> None:
    pass


ON_LOOP: Final = OnLoop()


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits for a loop, and give its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine without a loop waited for one")
