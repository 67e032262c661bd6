"""Pass posts from the server's event loop to the thread or event loop of the test.

An application under test has to be called on the test's thread, which has its database transaction
or its event loop. So posts to it are queued until the test calls a method that waits, and are made
by that method, one after the other.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import attrs


if TYPE_CHECKING:
    from .applications import Application
    from .hosting import Host
    from .outbox import Post


T = TypeVar("T")


@attrs.define(eq=False)
class _Waiting:
    """A queued post, and a future for the status of the response."""

    post: Post
    status: concurrent.futures.Future[int] = attrs.Factory(concurrent.futures.Future)


class HandOver:
    """The queue of posts to an application in this process.

    Attributes:
        app: the application.
    """

    def __init__(self) -> None:
        self.app: Application | None = None
        self._waiting: deque[_Waiting] = deque()
        self._listeners: list[Callable[[], object]] = []

    async def post(self, post: Post) -> int:
        """Queue a post, and return the status of its response; called on the server's loop."""
        waiting = _Waiting(post)
        self._waiting.append(waiting)
        for listener in tuple(self._listeners):
            listener()
        return await asyncio.wrap_future(waiting.status)

    def wait(self, host: Host, job: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine on the server's loop; meanwhile make queued posts on this thread.

        Raises:
            RuntimeError: an event loop runs on this thread, which would be blocked.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            job.close()
            raise RuntimeError(
                "this would block the event loop: in async code, await the methods of the "
                "`Sandbox` instead of calling those of the object that `with` returns"
            )
        future = host.submit(job)
        wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        with self._listening(lambda: wake.put(None)):
            future.add_done_callback(lambda _: wake.put(None))
            try:
                while True:
                    for waiting in self._take():
                        _answer(waiting, self._app().post)
                    if future.done():
                        return future.result()
                    wake.get()
            except BaseException:
                future.cancel()
                raise

    async def wait_async(self, host: Host, job: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine on the server's loop; meanwhile make queued posts on this loop."""
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        task = asyncio.ensure_future(host.call(job))
        task.add_done_callback(lambda _: wake.set())
        with self._listening(lambda: loop.call_soon_threadsafe(wake.set)):
            try:
                while True:
                    wake.clear()
                    for waiting in self._take():
                        await _answer_async(waiting, self._app())
                    if task.done():
                        return task.result()
                    await wake.wait()
            except BaseException:
                task.cancel()
                raise

    def _app(self) -> Application:
        assert self.app is not None  # noqa: S101 - posts are only queued with an app
        return self.app

    def _take(self) -> Iterator[_Waiting]:
        while self._waiting:
            try:
                waiting = self._waiting.popleft()
            except IndexError:
                return  # another thread took it
            if waiting.status.set_running_or_notify_cancel():
                yield waiting

    @contextmanager
    def _listening(self, listener: Callable[[], object]) -> Iterator[None]:
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


def _answer(waiting: _Waiting, post: Callable[[Post], int]) -> None:
    try:
        waiting.status.set_result(post(waiting.post))
    except BaseException:
        waiting.status.set_result(500)
        raise


async def _answer_async(waiting: _Waiting, app: Application) -> None:
    try:
        waiting.status.set_result(await app.post_async(waiting.post))
    except BaseException:
        waiting.status.set_result(500)
        raise
