"""The way from blocking code to the event loop.

A call runs on the loop while its caller's thread waits, and the caller's own code (callbacks,
iterables) is carried back to the caller's thread.
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

#: Seconds between two looks at whether the loop is still there, while a caller waits.
LOOK: Final = 1.0
#: How many items of the caller's iterables are carried over at a time.
SLICE: Final = 500


class BlockingCall(Generic[T]):
    """One call: work on the loop, and a caller's thread that waits for it.

    Args:
        loop_thread: has the loop where the work runs.
        work: makes the coroutine; it is given this call, to reach the caller's thread.
    """

    def __init__(
        self, loop_thread: LoopThread, work: Callable[[BlockingCall[T]], Coroutine[Any, Any, T]]
    ) -> None:
        self._loop_thread = loop_thread
        self._work = work
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[None] | None = None
        # What the caller's thread is to do; None when the work is done.
        self._inbox: Inbox[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            loop_thread.new_inbox()
        )
        self._result: T | None = None
        self._error: BaseException | None = None
        self._cut_short = False

    # On the loop's thread.

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run_work(), context=self._context)
        self._task.add_done_callback(self._end)

    async def _run_work(self) -> None:
        # Whatever ends the work is raised in the caller's thread: SystemExit or KeyboardInterrupt
        # here would end the loop, and everybody else's calls with it.
        try:
            self._result = await self._work(self)
        except BaseException as error:  # raised again by `wait`
            self._error = error

    def _end(self, task: asyncio.Task[None]) -> None:
        # Said by the task and not from within the coroutine, since one that is cancelled before
        # its first step never runs.
        if task.cancelled():
            self._error = asyncio.CancelledError()
        self._inbox.put(None)

    def _cancel(self) -> None:
        if self._task is None or self._task.done():
            # The end may have been said already, to somebody who was interrupted as he heard it.
            self._inbox.put(None)
        elif not self._task.cancelling():
            self._task.cancel()

    async def in_caller(self, function: Callable[[], T]) -> T:
        """Run a function where the caller waits, and give its result."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put((function, answer))
        return await answer

    # On the caller's thread.

    def wait(self) -> T:
        """Wait for the work, and run meanwhile what is the caller's own.

        An interruption (Ctrl-C, or SystemExit in a callback) cancels the work, waits for its end,
        and goes on to the caller with a note of what is not known. Another one cuts the waiting
        short, but not the cancelling.
        """
        caller = _WaitingCaller(self)
        try:
            self._loop_thread.submit(self._start)
            while (callback := self._next_callback()) is not None:
                self._run(*callback)
        except SMSWorksError:
            caller.is_waiting = False  # nothing was handed over
            raise
        except BaseException as interruption:
            # Another one may come at any call: the first is what the caller gets to see.
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
                # A loop that has closed says nothing any more, whatever it still owed.
                if self._loop_thread.ended:
                    self._error = self._error or asyncio.CancelledError()
                    return None

    def _run(self, function: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        try:
            result = function()
        except StopIteration as error:
            # A future cannot carry it.
            unfit = RuntimeError("a callback raised StopIteration")
            unfit.__cause__ = error
            self._answer(answer, None, unfit)
        except Exception as error:  # raised where the function was asked for
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
        """Have the work cancelled, and do not wait for its end."""
        self._loop_thread.call_soon(self._cancel)

    def _wait_until_done(self) -> None:
        if self._loop_thread.started:
            while (callback := self._next_callback()) is not None:
                # Nobody runs the caller's code any more; whoever waits for it is cancelled.
                self._loop_thread.call_soon(callback[1].cancel)

    def _attach_report(self, to: BaseException) -> None:
        """Put the report of a bulk run that was cancelled on what the caller gets instead."""
        report = getattr(self._error, "report", None)
        if report is not None:
            to.__dict__["report"] = report

    def _notes(self) -> list[str]:
        if self._error is not None:
            return list(getattr(self._error, "__notes__", []))
        if self._result is not None:
            return [f"the call had ended by then: {_described(self._result)}"]
        if self._cut_short:
            return ["interrupted again before the call had ended: it may have been accepted"]
        return []


def _described(result: object) -> str:
    """Return how a result stands in a note: a model by its repr, which hides what is secret."""
    return repr(result) if attrs.has(type(result)) else f"its result is a {type(result).__name__}"


class _WaitingCaller:
    """Cancels a call when the thread that waits for it abandons it, whatever the reason.

    That is the last resort: whatever handles an interruption may be interrupted, again and again.
    """

    # Until it is made: a call near the recursion limit may not get that far.
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
        close: what to await on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._loop_thread = LoopThread(close)
        # At interpreter exit, and when nobody holds the portal any more.
        self._finalizer = weakref.finalize(self, self._loop_thread.finish)

    def close(self) -> None:
        """End the loop and its thread; again, if an interruption kept it from it."""
        self._loop_thread.stop()

    def run(self, work: Callable[[BlockingCall[T]], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop, and wait for it.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
            OutcomeUnknown: the client was closed meanwhile.
            RecursionError: the stack is nearly full; nothing was sent.
        """
        return BlockingCall(self._loop_thread, work).wait()


def call_in_caller(
    blocking_call: BlockingCall[Any], function: Callable[..., Any]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Make an async function of a caller's callback, which runs on the caller's thread.

    An async callback can only run where there is a loop, which is the client's own.
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
            # SystemExit, for one, would end the loop and everybody's calls: it is for the caller.
            return await blocking_call.in_caller(functools.partial(_raise, error))

    return call


def _raise(error: BaseException) -> NoReturn:
    raise error


async def iterate_in_caller(
    blocking_call: BlockingCall[Any], values: Iterable[T]
) -> AsyncIterator[T]:
    """Make an async iterator of a caller's iterable, which is drawn on the caller's thread."""
    iterator = await blocking_call.in_caller(lambda: iter(values))

    def draw() -> tuple[Sequence[T], Exception | None]:
        drawn: list[T] = []
        try:
            drawn.extend(map(copied, islice(iterator, SLICE)))  # keeps what came before it raised
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
