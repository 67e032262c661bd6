"""Where a request is served: on an event loop, or on a thread of its own.

What is done with a request is written once, as a coroutine, and asks its world for whatever may
take time. On a loop that is awaited. On a thread it is done there and then, so that the coroutine
never stops and needs no loop to run on.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from smsworks_async import _callables as functions
from smsworks_async._threads import without_signals
from smsworks_async.blocking.portal import Portal
from smsworks_async.webhooks.forks import PerProcess
from smsworks_async.webhooks.renewals import Renewals, Run, Work


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

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, even if whoever waits for it is cancelled."""
        ...

    def renewals(self) -> Renewals:
        """Return what repeats work here."""
        ...

    def cancelled(self) -> bool:
        """Return whether somebody else has cancelled what is running."""
        ...


class OnLoop:
    """A running event loop: plain functions go to a thread."""

    def __init__(self) -> None:
        self._renewals: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Renewals] = (
            weakref.WeakKeyDictionary()
        )

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

    def renewals(self) -> Renewals:
        """Return what repeats work on the running loop."""
        loop = asyncio.get_running_loop()
        renewals = self._renewals.get(loop)
        if renewals is None:
            renewals = self._renewals[loop] = Renewals(self)
        return renewals

    def cancelled(self) -> bool:
        """Return whether somebody else has cancelled the running task."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function after so many seconds, once."""
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, function, context=contextvars.Context())

    def start(self, work: Work, context: contextvars.Context) -> Run:
        """Start work as a task."""
        return _Task(_spawn(work(), context))


# A loop keeps only weak references to its tasks.
_tasks: Final[set[asyncio.Task[Any]]] = set()


def _spawn(
    work: Coroutine[Any, Any, T], context: contextvars.Context | None = None
) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work, context=context)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


class _Task:
    """Work that a task does."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task
        self.done = task.done

    async def over(self) -> None:
        """Wait for its end."""
        if not self._task.done():
            await asyncio.wait([self._task])


class _Thread:
    """Work that a thread of its own does."""

    def __init__(self, work: Work, context: contextvars.Context) -> None:
        self._thread = threading.Thread(
            target=without_signals(lambda: context.run(drive, work())),
            name="webhook claim",
            daemon=True,
        )
        self._thread.start()

    def done(self) -> bool:
        """Return whether it has ended."""
        return not self._thread.is_alive()

    async def over(self) -> None:
        """Wait for its end."""
        self._thread.join()


class OnThread(PerProcess):
    """A thread that may block: plain functions are called on it, directly.

    Async ones run on a loop of ours in the background, one and the same for all requests, so that
    what they share (a client, a pool) belongs to one loop.
    """

    def _begin(self) -> None:
        self._portal = Portal(_nothing)
        self._renewals = Renewals(self)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and give its result."""
        return await self.settled(function(*args))

    begin = call

    async def settled(self, value: object) -> Any:
        """Give a value, or what comes of it where it is to be awaited."""
        if inspect.isawaitable(value):
            self._follow_fork()
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

    def renewals(self) -> Renewals:
        """Return what repeats work of this process."""
        self._follow_fork()
        return self._renewals

    def cancelled(self) -> bool:
        """Return False: nothing cancels a thread."""
        return False

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function after so many seconds, once, on a thread of its own.

        Raises:
            RuntimeError: no thread can be started.
        """

        def wait() -> None:
            time.sleep(seconds)
            function()

        threading.Thread(target=without_signals(wait), name="webhook claims", daemon=True).start()

    def start(self, work: Work, context: contextvars.Context) -> Run:
        """Start work on a thread of its own, so that one that hangs holds up no other.

        Raises:
            RuntimeError: no thread can be started.
        """
        return _Thread(work, context)


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
