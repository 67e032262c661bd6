"""Hosts of a sandbox's server: the event loop that entered it, or a separate thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar


T = TypeVar("T")


class Host(Protocol):
    """An interface for running functions and coroutines on the server's event loop."""

    def run(self, function: Callable[[], T]) -> T:
        """Call a function that does not block, and return its result."""
        ...

    def submit(self, job: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine, for a caller on another thread."""
        ...

    async def call(self, job: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and return its result to a caller on any event loop."""
        ...


class LoopHost:
    """The event loop of the code that uses the sandbox."""

    def run(self, function: Callable[[], T]) -> T:
        """Call a function that does not block, and return its result."""
        return function()

    def submit(self, job: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Raise RuntimeError: only the object that `with` returns calls this."""
        job.close()
        raise RuntimeError("this sandbox does not run on a thread: enter it with `with`")

    async def call(self, job: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and return its result."""
        return await job


class ThreadHost:
    """A thread with an event loop, on which a server runs from `start` to `stop`.

    Args:
        start, stop: the coroutine functions that start and stop the server, on the thread.
    """

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, None]],
        stop: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._start, self._stop = start, stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._stopping = False
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="smsworks-sandbox", daemon=True)

    def start(self) -> None:
        """Start the thread and the server, and return when it listens.

        Raises:
            Exception: the server's start raised it.
        """
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and the thread; calling it again has no effect."""
        self._stopping = True
        loop, over = self._loop, self._over
        if loop is not None and over is not None:
            try:
                loop.call_soon_threadsafe(over.set)
            except RuntimeError:
                pass  # the loop has been closed already
        self._thread.join()

    def run(self, function: Callable[[], T]) -> T:
        """Call a function on the thread, or on the caller's after `stop`; return its result."""
        loop = self._loop
        if loop is None or threading.current_thread() is self._thread:
            return function()

        async def job() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(job(), loop).result()

    def submit(self, job: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on the thread.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._loop is None:
            job.close()
            raise RuntimeError("the sandbox is not running: use it within `with`")
        return asyncio.run_coroutine_threadsafe(job, self._loop)

    async def call(self, job: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the thread, and return its result to a caller on any event loop."""
        return await asyncio.wrap_future(self.submit(job))

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        over = self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._stopping:
            over.set()  # `stop` was called before there was a loop
        try:
            await self._start()
        except BaseException as error:
            self._loop = None
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        try:
            await over.wait()
        finally:
            self._loop = None
            await self._stop()
