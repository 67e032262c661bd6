"""A background thread with an event loop: start, submission of functions, and stop."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs

from smsworks_async._patching import new_rlock
from smsworks_async._threads import Inbox, RealThread, Threads, threads
from smsworks_async.errors import ConfigurationError, NotSent


#: The longest wait in seconds for the thread at the end, when it has nothing left to do.
JOIN: Final = 5.0
#: The most stack frames needed to submit a function to the loop and wait for it.
HEADROOM: Final = 20
#: The same if the loop's thread must be started first.
STARTING_HEADROOM: Final = 64


@attrs.frozen(eq=False)
class _Running:
    """A loop, its thread, and the event that stops both."""

    loop: asyncio.AbstractEventLoop
    thread: RealThread
    over: asyncio.Event


#: The loop threads of this process. A forked child renews their locks, which another thread may
#: have held.
_ALL: Final[weakref.WeakSet[LoopThread]] = weakref.WeakSet()


class LoopThread:
    """A thread with an event loop, started by the first submitted function.

    Functions from other threads are queued in order, and all of them run before the loop ends.
    Every method is safe to interrupt by a signal handler, which may call it again.

    Args:
        close: awaited on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        # Reentrant: a signal handler may close the client during a call on the same thread.
        self._lock = new_rlock()
        # Determined at the first call, since a server may patch after importing the application.
        self._threads: Threads | None = None
        self._running: _Running | None = None
        self._pending: deque[Callable[[], object]] = deque()
        self._pid: int | None = None
        self._closed = False
        _ALL.add(self)

    @property
    def _is_forked(self) -> bool:
        """Return whether the process was forked after the start, so it lacks the thread."""
        return self._pid is not None and self._pid != os.getpid()

    def renew_lock(self) -> None:
        """Replace the lock in a forked child, where it would never be released."""
        self._lock = new_rlock()

    @property
    def started(self) -> bool:
        """Whether a loop was ever started."""
        return self._running is not None

    @property
    def ended(self) -> bool:
        """Whether the loop has closed, or belongs to another process."""
        if self._is_forked:
            return True
        return self._running is not None and self._running.loop.is_closed()

    def new_inbox(self) -> Inbox[Any]:
        """Return an inbox on which a caller waits for items from the loop's thread.

        Raises:
            ConfigurationError: the caller is a greenlet that must not block.
        """
        return self._how().new_inbox()

    def _how(self) -> Threads:
        if self._threads is None:
            self._threads = threads()
        return self._threads

    def submit(self, function: Callable[[], object]) -> None:
        """Run a function on the loop, which does not end before the function has run.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
            NotSent: the thread or its loop could not be started.
            RecursionError: the stack is nearly full; nothing was submitted.
        """
        _check_headroom(STARTING_HEADROOM if self._running is None else HEADROOM)
        if self._is_forked:
            raise ConfigurationError(
                "this client was used before this process was forked, and its thread is not in "
                "this process; create a new client in the child"
            )
        with self._lock:
            running = self._running
            if running is None and not self._closed:
                running = self._start_thread()
            if running is None or self._closed or running.loop.is_closed():
                raise ConfigurationError("this client is closed; create a new one")
            if self._how().is_current(running.thread):
                raise ConfigurationError(
                    "a blocking call on the client's own event loop would wait for itself; "
                    "use AsyncSMSWorks there"
                )
            self._pending.append(function)
        # Outside the lock: a system call lets other threads run, which may need the lock.
        self._wake(running)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Run a function on the loop, if it is running."""
        if self._running is not None and not self._is_forked:
            self._pending.append(function)
            self._wake(self._running)

    def stop(self) -> None:
        """Stop the loop and its thread. It can be called again after an interruption."""
        _check_headroom(STARTING_HEADROOM)
        if self._is_forked:
            return  # in a forked child there is no thread to stop
        with self._lock:
            self._closed = True
            running = self._running
        if running is None:
            return
        try:
            running.loop.call_soon_threadsafe(running.over.set)
        except RuntimeError:
            if not running.loop.is_closed():
                raise
            return  # already ended
        thread = running.thread
        if thread.is_alive() and not self._how().is_current(thread):
            thread.join(JOIN)

    def finish(self) -> None:
        """Stop the loop and its thread when they are no longer referenced.

        The garbage collector may call this at any point, even with a nearly full stack, and calls
        it only once.
        """
        try:
            self.stop()
        except RecursionError:
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(limit + 2 * STARTING_HEADROOM)
            try:
                self.stop()
            finally:
                sys.setrecursionlimit(limit)

    def _start_thread(self) -> _Running:
        self._pid = os.getpid()
        try:
            loop = self._how().new_loop()
        except OSError as error:
            raise NotSent(f"an event loop could not be created: {error}") from error
        over = asyncio.Event()
        thread = self._how().new_thread(functools.partial(self._main, loop), "smsworks")
        # The loop accepts work before it runs, so no caller waits for the thread to start.
        running = _Running(loop, thread, over)
        try:
            self._running = running
            thread.start()
        except BaseException as error:
            # Discard everything, so that the next call starts over. If the thread starts anyway, it
            # sees that it is not needed.
            self._running = None
            if not isinstance(error, RuntimeError) or isinstance(error, RecursionError):
                raise
            loop.close()
            raise NotSent(f"the background thread could not be started: {error}") from error
        return running

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:  # held by the starting thread until the start is complete
            running = self._running
        if running is None or running.loop is not loop:
            loop.close()
            return

        async def serve() -> None:
            await running.over.wait()
            self._drain()  # run what was submitted before the end; running calls are cancelled
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._close()

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    def _wake(self, running: _Running) -> None:
        try:
            running.loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            if not running.loop.is_closed():
                raise  # for example RecursionError: nothing was run

    def _drain(self) -> None:
        try:
            while self._pending:
                self._pending.popleft()()
        finally:
            if self._pending and self._running is not None:
                # One raised, which the loop logs; the others still run.
                self._wake(self._running)


def _check_headroom(frames: int) -> None:
    """Raise RecursionError now rather than in the middle of a call, which would be lost.

    It is part of each call; a frame costs about 500 instructions.
    """
    if frames:
        _check_headroom(frames - 1)


def _renew_all() -> None:
    for loop_thread in list(_ALL):
        loop_thread.renew_lock()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_renew_all)
