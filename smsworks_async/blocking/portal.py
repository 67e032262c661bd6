"""The bridge from blocking code to the event loop.

A call runs on the loop while its caller's thread waits. The caller's code (callbacks, iterables) is
sent back to the caller's thread to run there.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import queue
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, Final, Generic, NoReturn, TypeVar

import attrs

from smsworks_async._threads import Inbox
from smsworks_async.blocking.loop_thread import LoopThread
from smsworks_async.errors import OutcomeUnknown, SMSWorksError
from smsworks_async.models.iterables import copied


T = TypeVar("T")

#: The seconds between checks that the loop still runs while a caller waits.
LOOK: Final = 1.0
#: The number of items of the caller's iterables that are transferred at a time.
SLICE: Final = 500


class BlockingCall(Generic[T]):
    """One call: work on the loop, and a caller's thread that waits for it.

    Args:
        loop_thread: the thread with the loop.
        work: creates the coroutine. Its argument is this call, which gives access to the caller's
            thread.
    """

    def __init__(
        self, loop_thread: LoopThread, work: Callable[[BlockingCall[T]], Coroutine[Any, Any, T]]
    ) -> None:
        self._loop_thread = loop_thread
        self._work = work
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[None] | None = None
        # The callbacks for the caller's thread to run; None when the work is done.
        self._inbox: Inbox[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            loop_thread.new_inbox()
        )
        self._result: T | None = None
        self._error: BaseException | None = None
        self._cut_short = False

    # Runs on the loop's thread:

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run_work(), context=self._context)
        self._task.add_done_callback(self._end)

    async def _run_work(self) -> None:
        # All exceptions are raised in the caller's thread: SystemExit or KeyboardInterrupt here
        # would stop the loop, and with it all other calls.
        try:
            self._result = await self._work(self)
        except BaseException as error:  # raised again by `wait`
            self._error = error

    def _end(self, task: asyncio.Task[None]) -> None:
        # Called by the task and not by the coroutine, which never runs if it is cancelled before
        # its first step.
        if task.cancelled():
            self._error = asyncio.CancelledError()
        self._inbox.put(None)

    def _cancel(self) -> None:
        if self._task is None or self._task.done():
            # The end may have been sent already, to a caller that was interrupted on receiving it.
            self._inbox.put(None)
        elif not self._task.cancelling():
            self._task.cancel()

    async def in_caller(self, function: Callable[[], T]) -> T:
        """Run a function on the caller's thread, and return its result."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put((function, answer))
        return await answer

    # Runs on the caller's thread:

    def wait(self) -> T:
        """Wait for the work, and run the caller's callbacks meanwhile.

        An interruption (Ctrl-C, or SystemExit in a callback) cancels the work, waits for its end,
        and is raised with a note about its outcome. A second one ends the wait, but the work is
        still cancelled.
        """
        caller = _WaitingCaller(self)
        try:
            self._loop_thread.submit(self._start)
            while (callback := self._next_callback()) is not None:
                self._run(*callback)
        except SMSWorksError:
            caller.is_waiting = False  # nothing was submitted
            raise
        except BaseException as interruption:
            # Further ones may occur at any call: the caller gets the first.
            try:
                self.request_cancel()
            except BaseException:
                self.request_cancel()
            try:
                self._wait_until_done()
            except BaseException:
                self._cut_short = True
            caller.is_waiting = False
            for note in self._notes():
                interruption.add_note(note)
            self._attach_report(interruption)
            raise
        caller.is_waiting = False
        if isinstance(self._error, asyncio.CancelledError):
            closed = OutcomeUnknown(
                "; ".join(["the client was closed during this call", *self._notes()]),
                operation="a blocking call",
            )
            self._attach_report(closed)
            raise closed from self._error
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value] # there is one, where there is no error

    def _next_callback(self) -> tuple[Callable[[], Any], asyncio.Future[Any]] | None:
        while True:
            try:
                return self._inbox.get(timeout=LOOK)
            except queue.Empty:
                # A closed loop sends nothing any more.
                if self._loop_thread.ended:
                    self._error = self._error or asyncio.CancelledError()
                    return None

    def _run(self, function: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        try:
            result = function()
        except StopIteration as error:
            # A future cannot hold it.
            unfit = RuntimeError("a callback raised StopIteration")
            unfit.__cause__ = error
            self._answer(answer, None, unfit)
        except Exception as error:  # raised on the loop, by `in_caller`
            self._answer(answer, None, error)
        else:
            self._answer(answer, result, None)

    def _answer(self, answer: asyncio.Future[Any], result: object, error: Exception | None) -> None:
        def deliver() -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        self._loop_thread.call_soon(deliver)

    def request_cancel(self) -> None:
        """Request that the work is cancelled, without waiting for its end."""
        self._loop_thread.call_soon(self._cancel)

    def _wait_until_done(self) -> None:
        if self._loop_thread.started:
            while (callback := self._next_callback()) is not None:
                # The caller's code is no longer run, so work that waits for it is cancelled.
                self._loop_thread.call_soon(callback[1].cancel)

    def _attach_report(self, to: BaseException) -> None:
        """Attach the report of a cancelled bulk run to the exception for the caller."""
        report = getattr(self._error, "report", None)
        if report is not None:
            to.__dict__["report"] = report

    def _notes(self) -> list[str]:
        if self._error is not None:
            return list(getattr(self._error, "__notes__", []))
        if self._result is not None:
            return [f"the call had already ended: {_described(self._result)}"]
        if self._cut_short:
            return ["interrupted again before the call ended: the request may have been accepted"]
        return []


def _described(result: object) -> str:
    """Describe a result in a note: a model by its repr, which hides secrets."""
    return repr(result) if attrs.has(type(result)) else f"its result is a {type(result).__name__}"


class _WaitingCaller:
    """Cancels a call when its waiting thread abandons it.

    This is the last resort, since the handling of an interruption can itself be interrupted.
    """

    # A default: near the recursion limit `__init__` may not complete.
    is_waiting = False

    def __init__(self, blocking_call: BlockingCall[Any]) -> None:
        self._call = blocking_call
        self.is_waiting = True

    def __del__(self) -> None:
        if self.is_waiting:
            self._call.request_cancel()


class Portal:
    """Runs coroutines for blocking callers.

    Args:
        close: awaited on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._loop_thread = LoopThread(close)
        # Called at interpreter exit, and when the portal is no longer referenced.
        self._finalizer = weakref.finalize(self, self._loop_thread.finish)

    def close(self) -> None:
        """Stop the loop and its thread. It can be called again after an interruption."""
        self._loop_thread.stop()

    def run(self, work: Callable[[BlockingCall[T]], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop, and wait for it.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
            OutcomeUnknown: the client was closed during the call.
            RecursionError: the stack is nearly full; nothing was sent.
        """
        return BlockingCall(self._loop_thread, work).wait()


def call_in_caller(
    blocking_call: BlockingCall[Any], function: Callable[..., Any]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return an async function that runs a caller's callback on the caller's thread.

    Async callbacks run on the client's loop, since they need one.
    """

    async def call(*args: Any) -> Any:
        told = await blocking_call.in_caller(lambda: function(*args))
        if not inspect.isawaitable(told):
            return told
        try:
            return await told
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:
            # For example SystemExit, which would stop the loop and all its calls.
            return await blocking_call.in_caller(functools.partial(_raise, error))

    return call


def _raise(error: BaseException) -> NoReturn:
    raise error


async def iterate_in_caller(
    blocking_call: BlockingCall[Any], values: Iterable[T]
) -> AsyncIterator[T]:
    """Yield the items of a caller's iterable, which is iterated on the caller's thread."""
    iterator = await blocking_call.in_caller(lambda: iter(values))

    def draw() -> tuple[Sequence[T], Exception | None]:
        drawn: list[T] = []
        try:
            # extend() keeps the items before an exception.
            drawn.extend(map(copied, islice(iterator, SLICE)))
        except Exception as error:
            return drawn, error
        return drawn, None

    while True:
        drawn, error = await blocking_call.in_caller(draw)
        for value in drawn:
            yield value
        if error is not None:
            raise error
        if len(drawn) < SLICE:
            return
