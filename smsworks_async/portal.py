"""The way from blocking code to the event loop: one background thread with one loop.

A call runs on the loop while its caller's thread waits, and the caller's own code (callbacks,
iterables) is carried back to the caller's thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import queue
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from smsworks_async.errors import ConfigurationError, OutcomeUnknown


T = TypeVar("T")

#: Seconds that closing waits for the background thread: it has nothing left to do by then.
JOIN: Final = 5.0
#: Seconds between two looks at whether the loop is still there, while a caller waits.
LOOK: Final = 1.0
#: How many items of the caller's iterables are carried over at a time.
SLICE: Final = 500


class Conversation(Generic[T]):
    """One call: work on the loop, and a caller's thread that waits for it.

    Args:
        loop: where the work runs.
        submit: hands a function to that loop, while it still takes any.
        work: makes the coroutine; it is given this conversation, to reach the caller's thread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Callable[[], None], contextvars.Context], None],
        work: Callable[[Conversation[T]], Coroutine[Any, Any, T]],
    ) -> None:
        self._loop = loop
        self._submit = submit
        self._work = work
        self._task: asyncio.Task[None] | None = None
        # What the caller's thread is to do; None when the work is done.
        self._inbox: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._result: T | None = None
        self._error: BaseException | None = None

    # On the loop's thread.

    def start(self) -> None:
        """Begin the work."""
        self._task = self._loop.create_task(self._carry_out())
        self._task.add_done_callback(self._end)

    async def _carry_out(self) -> None:
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

    async def on_callers_thread(self, function: Callable[[], T]) -> T:
        """Run a function where the caller waits, and give its result."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._inbox.put((function, answer))
        return await answer

    # On the caller's thread.

    def wait(self) -> T:
        """Wait for the work, and run meanwhile what is the caller's own.

        An interruption (Ctrl-C, or SystemExit in a callback) cancels the work, waits for its end,
        and goes on to the caller with a note of what is not known.
        """
        try:
            self._submit(self.start, contextvars.copy_context())
            while (errand := self._next_errand()) is not None:
                self._run(*errand)
        except ConfigurationError:
            raise  # the client is closed: nothing was handed over, so there is nothing to wait for
        except BaseException as interruption:
            self._cancel()
            for note in self._notes():
                interruption.add_note(note)
            raise
        if isinstance(self._error, asyncio.CancelledError):
            raise OutcomeUnknown(
                "; ".join(["the client was closed during this call", *self._notes()]),
                operation="a blocking call",
            ) from self._error
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value] # there is one, where there is no error

    def _next_errand(self) -> tuple[Callable[[], Any], asyncio.Future[Any]] | None:
        while True:
            try:
                return self._inbox.get(timeout=LOOK)
            except queue.Empty:
                # A loop that has closed says nothing any more, whatever it still owed.
                if self._loop.is_closed():
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

        _tell(self._loop, deliver)

    def _cancel(self) -> None:
        def cancel() -> None:
            if self._task is None:
                self._inbox.put(None)
            else:
                self._task.cancel()

        if not _tell(self._loop, cancel):
            return
        while (errand := self._next_errand()) is not None:
            # Nobody runs the caller's code any more; whoever waits for it is cancelled.
            _tell(self._loop, errand[1].cancel)

    def _notes(self) -> list[str]:
        if self._error is None:
            ended = f"the call had ended by then: {self._result!r}"
            return [] if self._result is None else [ended]
        return list(getattr(self._error, "__notes__", []))


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> bool:
    """Have a function run on the loop; False if the loop has closed, and all work with it."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return False
    return True


class _Background:
    """The thread, its loop, and how both end. It does not hold the portal, which may go first."""

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._pid: int | None = None
        self._closed = False

    def loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop; the first time, start its thread."""
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
                self._pid = os.getpid()
                # The loop takes work before it runs, so that nobody need wait for the thread.
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._main, args=(self._loop,), name="smsworks", daemon=True
                )
                self._thread.start()
            return self._loop

    def submit(self, function: Callable[[], None], context: contextvars.Context) -> None:
        """Hand a function to the loop, unless the client is closed.

        Under the lock, as `stop` is: so what is handed over comes before the end, and gets one.
        """
        with self._lock:
            if self._closed or self._loop is None:
                raise ConfigurationError("this client is closed; make a new one")
            self._loop.call_soon_threadsafe(function, context=context)

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        async def serve() -> None:
            await self._over.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._close()

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

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


class Portal:
    """Runs coroutines for blocking callers.

    Args:
        close: what to await on the loop at the end.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._background = _Background(close)
        # Also at interpreter exit, and when nobody holds the portal any more.
        self.close = weakref.finalize(self, self._background.stop)

    def run(self, work: Callable[[Conversation[T]], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop, and wait for it.

        Raises:
            ConfigurationError: the client is closed, was used before a fork, or is called on its
                own loop's thread.
            OutcomeUnknown: the client was closed meanwhile.
        """
        background = self._background
        return Conversation(background.loop(), background.submit, work).wait()


def calling_back(
    conversation: Conversation[Any], function: Callable[..., Any]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Make an async function of a caller's callback, which runs on the caller's thread.

    An async callback can only run where there is a loop, which is the client's own.
    """

    async def call(*args: Any) -> Any:
        told = await conversation.on_callers_thread(lambda: function(*args))
        return await told if inspect.isawaitable(told) else told

    return call


async def drawing(conversation: Conversation[Any], values: Iterable[T]) -> AsyncIterator[T]:
    """Make an async iterator of a caller's iterable, which is drawn on the caller's thread."""
    iterator = await conversation.on_callers_thread(lambda: iter(values))

    def draw() -> tuple[Sequence[T], Exception | None]:
        drawn: list[T] = []
        try:
            drawn.extend(islice(iterator, SLICE))  # keeps what came before the iterable raised
        except Exception as error:
            return drawn, error
        return drawn, None

    while True:
        drawn, error = await conversation.on_callers_thread(draw)
        for value in drawn:
            yield value
        if error is not None:
            raise error
        if len(drawn) < SLICE:
            return
