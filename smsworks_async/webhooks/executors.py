"""Executors: the same processing of a request on an event loop or on a thread.

Processing is written once, as a coroutine that calls its executor for every step that may take
time. `LoopExecutor` awaits the step. `ThreadExecutor` blocks its thread, so the coroutine never
suspends, and `drive` can run it without an event loop.
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

from smsworks_async import _callables
from smsworks_async._patching import without_signals
from smsworks_async.blocking.portal import Portal
from smsworks_async.webhooks.per_process import PerProcess
from smsworks_async.webhooks.renewals import Job, Renewals, Work


T = TypeVar("T")


class Executor(Protocol):
    """Runs the steps of a request that may take time."""

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and return its result."""
        ...

    def call_async(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Awaitable[Any]:
        """Call an async function, and return an awaitable of its result."""
        ...

    async def resolve(self, value: object) -> Any:
        """Return a value, or the result of one that is awaitable."""
        ...

    async def wait(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for a future, and return whether it was done in time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        ...

    async def run_to_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, even if the request that waits for it is cancelled."""
        ...

    def renewals(self) -> Renewals:
        """Return the renewals of claims for requests served by this executor."""
        ...

    def cancelled(self) -> bool:
        """Return whether the running work was cancelled from outside."""
        ...


class LoopExecutor:
    """Runs on the running event loop; plain functions are called in a thread."""

    def __init__(self) -> None:
        self._renewals: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Renewals] = (
            weakref.WeakKeyDictionary()
        )

    call = staticmethod(_callables.call)
    resolve = staticmethod(_callables.settled)

    def call_async(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Awaitable[Any]:
        """Call an async function, and return an awaitable of its result."""
        return function(*args)

    async def wait(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for a future, and return whether it was done in time."""
        done, _ = await asyncio.wait([asyncio.wrap_future(event)], timeout=seconds)
        return bool(done)

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        await asyncio.sleep(seconds)

    async def run_to_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, even if the request that waits for it is cancelled."""
        return await asyncio.shield(_create_task(work))

    def renewals(self) -> Renewals:
        """Return the renewals of claims for requests served by the running loop."""
        loop = asyncio.get_running_loop()
        renewals = self._renewals.get(loop)
        if renewals is None:
            renewals = self._renewals[loop] = Renewals(self)
        return renewals

    def cancelled(self) -> bool:
        """Return whether the running task was cancelled from outside."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function once, after a delay."""
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, function, context=contextvars.Context())

    def start(self, work: Work, context: contextvars.Context) -> Job:
        """Start work as a task."""
        return _TaskJob(_create_task(work(), context))


# A loop keeps only weak references to its tasks.
_tasks: Final[set[asyncio.Task[Any]]] = set()


def _create_task(
    work: Coroutine[Any, Any, T], context: contextvars.Context | None = None
) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work, context=context)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


class _TaskJob:
    """Work that runs in a task."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task
        self.done = task.done

    async def wait(self) -> None:
        """Wait for the task to end."""
        if not self._task.done():
            await asyncio.wait([self._task])


class _ThreadJob:
    """Work that runs in its own thread."""

    def __init__(self, work: Work, context: contextvars.Context) -> None:
        self._thread = threading.Thread(
            target=without_signals(lambda: context.run(drive, work())),
            name="webhook claim",
            daemon=True,
        )
        self._thread.start()

    def done(self) -> bool:
        """Return whether the thread has ended."""
        return not self._thread.is_alive()

    async def wait(self) -> None:
        """Wait for the thread to end."""
        self._thread.join()


class ThreadExecutor(PerProcess):
    """Runs on the calling thread, which may block; plain functions are called on it, directly.

    Async functions run on one background loop for all requests, so that what they share (a client,
    a connection pool) belongs to one loop.
    """

    def _initialise(self) -> None:
        self._portal = Portal(_nothing)
        self._renewals = Renewals(self)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain or an async function, and return its result."""
        return await self.resolve(function(*args))

    call_async = call

    async def resolve(self, value: object) -> Any:
        """Return a value, or the result of one that is awaitable."""
        if inspect.isawaitable(value):
            self._check_fork()
            return self._portal.run(lambda _: _callables.settled(value))
        return value

    async def wait(self, event: concurrent.futures.Future[None], seconds: float) -> bool:
        """Wait for a future, and return whether it was done in time."""
        return bool(concurrent.futures.wait([event], seconds).done)

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        time.sleep(seconds)  # noqa: ASYNC251 - this is driven on a thread that may block

    async def run_to_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end: a thread cannot be cancelled."""
        return await work

    def renewals(self) -> Renewals:
        """Return the renewals of claims for requests served by threads of this process."""
        self._check_fork()
        return self._renewals

    def cancelled(self) -> bool:
        """Return False: a thread cannot be cancelled."""
        return False

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a plain function once, after a delay, on its own thread.

        Raises:
            RuntimeError: no thread can be started.
        """

        def wait() -> None:
            time.sleep(seconds)
            function()

        threading.Thread(target=without_signals(wait), name="webhook claims", daemon=True).start()

    def start(self, work: Work, context: contextvars.Context) -> Job:
        """Start work on its own thread, so that hanging work delays no other.

        Raises:
            RuntimeError: no thread can be started.
        """
        return _ThreadJob(work, context)


async def _nothing() -> None:
    pass


LOOP_EXECUTOR: Final = LoopExecutor()


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, without an event loop, and return its result.

    Raises:
        RuntimeError: the coroutine suspended.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine suspended without an event loop")
