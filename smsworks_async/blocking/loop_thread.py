"""A background thread with an event loop: how both begin, hear what they are told, and end."""

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


#: Seconds that closing waits for the background thread: it has nothing left to do by then.
JOIN: Final = 5.0
#: Stack frames that handing a function over to the loop needs at most, and waiting for it.
HEADROOM: Final = 20
#: The same where the loop's thread is still to be started.
STARTING_HEADROOM: Final = 64


@attrs.frozen(eq=False)
class _Running:
    """A loop, its thread, and what ends both."""

    loop: asyncio.AbstractEventLoop
    thread: RealThread
    over: asyncio.Event


#: Those of this process, whose locks a forked child renews: another thread may have held one.
_ALL: Final[weakref.WeakSet[LoopThread]] = weakref.WeakSet()


class LoopThread:
    """The thread and its loop, which the first function that is handed over starts.

    What other threads say to the loop stands in a queue, in order, and is heard to its end before
    the loop ends. A signal's handler may interrupt any of this, and call any of it again.

    Args:
        close: what to await on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        # A signal's handler may close the client that the same thread is just calling.
        self._lock = new_rlock()
        # Found out at the first call: a server may import the application, and patch afterwards.
        self._threads: Threads | None = None
        self._running: _Running | None = None
        self._pending: deque[Callable[[], object]] = deque()
        self._pid: int | None = None
        self._closed = False
        _ALL.add(self)

    @property
    def _is_forked(self) -> bool:
        """Whether the process has forked since the start, and the thread is not in this one."""
        return self._pid is not None and self._pid != os.getpid()

    def renew_lock(self) -> None:
        """Begin anew in a forked child, where nobody would release the lock."""
        self._lock = new_rlock()

    @property
    def started(self) -> bool:
        """Whether there is a loop, or was one."""
        return self._running is not None

    @property
    def ended(self) -> bool:
        """Whether there was a loop, and it has closed, or is another process's."""
        if self._is_forked:
            return True
        return self._running is not None and self._running.loop.is_closed()

    def new_inbox(self) -> Inbox[Any]:
        """Return what a caller waits at for items from the loop's thread.

        Raises:
            ConfigurationError: the caller is a greenlet that may not wait.
        """
        return self._how().new_inbox()

    def _how(self) -> Threads:
        if self._threads is None:
            self._threads = threads()
        return self._threads

    def submit(self, function: Callable[[], object]) -> None:
        """Have a function run on the loop, which will not end before.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
            NotSent: the thread or its loop could not be started.
            RecursionError: the stack is too full to hand anything over; nothing was.
        """
        _check_headroom(STARTING_HEADROOM if self._running is None else HEADROOM)
        if self._is_forked:
            raise ConfigurationError(
                "this client was used before this process forked, and its thread stayed behind; "
                "make a new client in the child"
            )
        with self._lock:
            running = self._running
            if running is None and not self._closed:
                running = self._start_thread()
            if running is None or self._closed or running.loop.is_closed():
                raise ConfigurationError("this client is closed; make a new one")
            if self._how().is_current(running.thread):
                raise ConfigurationError(
                    "a blocking call on the client's own event loop would wait for itself; "
                    "use AsyncSMSWorks there"
                )
            self._pending.append(function)
        # A system call, at which threads change places: others may have the lock meanwhile.
        self._wake(running)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have a function run on the loop, if there is one and it still runs."""
        if self._running is not None and not self._is_forked:
            self._pending.append(function)
            self._wake(self._running)

    def stop(self) -> None:
        """End the loop and its thread; again, if an interruption kept it from it."""
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
            return  # it has ended already
        thread = running.thread
        if thread.is_alive() and not self._how().is_current(thread):
            thread.join(JOIN)

    def finish(self) -> None:
        """End the loop and its thread where nobody holds them any more.

        The garbage collector may call this anywhere, also where the stack is nearly full, and does
        not call it again.
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
            raise NotSent(f"an event loop could not be made: {error}") from error
        over = asyncio.Event()
        thread = self._how().new_thread(functools.partial(self._main, loop), "smsworks")
        # The loop takes work before it runs, so that nobody need wait for the thread.
        running = _Running(loop, thread, over)
        try:
            self._running = running
            thread.start()
        except BaseException as error:
            # Discarded whole, so that the next call begins anew. If the thread begins all the
            # same, it finds that it is not wanted.
            self._running = None
            if not isinstance(error, RuntimeError) or isinstance(error, RecursionError):
                raise
            loop.close()
            raise NotSent(f"the background thread could not be started: {error}") from error
        return running

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:  # whoever starts this thread has it until that is done
            running = self._running
        if running is None or running.loop is not loop:
            loop.close()
            return

        async def serve() -> None:
            await running.over.wait()
            self._drain()  # what was submitted before the end gets one, as all that is under way
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
                raise  # a RecursionError is one, and nothing has been heard

    def _drain(self) -> None:
        try:
            while self._pending:
                self._pending.popleft()()
        finally:
            if self._pending and self._running is not None:
                # One raised, which the loop logs; the others are heard all the same.
                self._wake(self._running)


def _check_headroom(frames: int) -> None:
    """Raise RecursionError now rather than halfway through, where what was begun would be lost.

    A frame costs about 500 instructions, and this is part of each call.
    """
    if frames:
        _check_headroom(frames - 1)


def _renew_all() -> None:
    for loop_thread in list(_ALL):
        loop_thread.renew_lock()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_renew_all)
