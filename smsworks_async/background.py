"""One background thread with one event loop, and how both begin and end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from smsworks_async.errors import ConfigurationError


#: Seconds that closing waits for the background thread: it has nothing left to do by then.
JOIN: Final = 5.0


class Background:
    """The thread and its loop, which the first function that is handed over starts.

    What other threads say to the loop stands in one queue, in order, and the loop is woken for it
    once, not for each: to wake it is a system call, at which threads change places.

    Args:
        close: what to await on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said: deque[Callable[[], object]] = deque()
        self._over = asyncio.Event()
        self._pid: int | None = None
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether there was a loop, and it has closed."""
        return self._loop is not None and self._loop.is_closed()

    def submit(self, function: Callable[[], object]) -> None:
        """Have a function run on the loop, which will not end before.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
        """
        if self._pid is not None and self._pid != os.getpid():
            # Not even the lock is touched: another thread may have held it at the fork.
            raise ConfigurationError(
                "this client was used before this process forked, and its thread stayed behind; "
                "make a new client in the child"
            )
        if self._thread is threading.current_thread():
            raise ConfigurationError(
                "a blocking call on the client's own event loop would wait for itself; "
                "use AsyncSMSWorks there"
            )
        with self._lock:
            if self._closed:
                raise ConfigurationError("this client is closed; make a new one")
            if self._loop is None:
                self._begin()
            # Who finds something said leaves it to whoever said that to wake the loop.
            first = not self._said
            self._said.append(function)
        if first:
            self._wake()

    def tell(self, function: Callable[[], object]) -> bool:
        """Have a function run on the loop, if it still runs; False if it has closed.

        The loop is woken in any case, so that a caller who was interrupted between saying
        something and waking it mends that by telling it to cancel.
        """
        self._said.append(function)
        return self._wake()

    def stop(self) -> None:
        """End the loop and its thread, once."""
        if self._pid is not None and self._pid != os.getpid():
            return  # in a forked child there is no thread to stop
        with self._lock:
            closed, self._closed = self._closed, True
            if closed or self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._over.set)
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN)

    def _begin(self) -> None:
        self._pid = os.getpid()
        # The loop takes work before it runs, so that nobody need wait for the thread.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._main, args=(self._loop,), name="smsworks", daemon=True
        )
        self._thread.start()

    def _wake(self) -> bool:
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(self._hear)
        except RuntimeError:  # it has closed, and all work with it
            return False
        return True

    def _hear(self) -> None:
        try:
            while self._said:
                self._said.popleft()()
        finally:
            if self._said:  # one raised, which the loop logs; the others are heard all the same
                self._wake()

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        async def serve() -> None:
            await self._over.wait()
            self._hear()  # what was submitted before the end gets one, as all that is under way
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._close()

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())
