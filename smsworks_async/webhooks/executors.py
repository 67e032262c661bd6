"""Where a request is served: on an event loop, or on a thread of its own.

What is done with a request is written once, as a coroutine, and asks its world for whatever may
take time. On a loop that is awaited. On a thread it is done there and then, so that the coroutine
never stops and needs no loop to run on.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from smsworks_async import _callables as functions
from smsworks_async.blocking.portal import Portal


T = TypeVar("T")
Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


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

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, even if whoever waits for it is cancelled."""
        ...

    def repeat(self, seconds: float, work: Work) -> Repetition:
        """Run work again and again, so many seconds apart, until it is stopped."""
        ...


class Repetition(Protocol):
    """Work that runs again and again."""

    async def stop(self) -> None:
        """Stop it; a run that has begun has ended when this returns."""
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

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds)

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, even if whoever waits for it is cancelled."""
        return await asyncio.shield(_spawn(work))

    def repeat(self, seconds: float, work: Work) -> Repetition:
        """Run work again and again, so many seconds apart, until it is stopped."""
        return _OnTimer(seconds, work)


# A loop keeps only weak references to its tasks.
_tasks: Final[set[asyncio.Task[Any]]] = set()


def _spawn(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


class _OnTimer:
    """Work that a loop's timer repeats; a task is made only when it is due."""

    def __init__(self, seconds: float, work: Work) -> None:
        self._seconds = seconds
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(seconds, self._run)

    def _run(self) -> None:
        if self._task is None or self._task.done():
            self._task = _spawn(self._work())
        self._timer = self._loop.call_later(self._seconds, self._run)

    async def stop(self) -> None:
        self._timer.cancel()
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])


class _InThread:
    """Work that a thread of its own repeats, beside the request's."""

    def __init__(self, seconds: float, work: Work) -> None:
        self._seconds = seconds
        self._work = work
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook claim", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            drive(self._work())

    async def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


class OnThread:
    """A thread that may block: plain functions are called on it, directly.

    Async ones run on a loop of ours in the background, one and the same for all requests, so that
    what they share (a client, a pool) belongs to one loop.
    """

    def __init__(self) -> None:
        self._portal = Portal(_nothing)
        self._pid = os.getpid()

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and give its result."""
        return await self.settled(function(*args))

    begin = call

    async def settled(self, value: object) -> Any:
        """Give a value, or what comes of it where it is to be awaited."""
        if inspect.isawaitable(value):
            if self._pid != os.getpid():  # the loop's thread stays behind when a server forks
                self._portal, self._pid = Portal(_nothing), os.getpid()
            return self._portal.run(lambda _: functions.settled(value))
        return value

    async def over(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for something to end, and say whether it did in time."""
        return bool(concurrent.futures.wait([event], seconds).done)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)  # noqa: ASYNC251 - this is driven on a thread that may block

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end: nothing cancels a thread."""
        return await work

    def repeat(self, seconds: float, work: Work) -> Repetition:
        """Run work again and again, so many seconds apart, until it is stopped."""
        return _InThread(seconds, work)


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
