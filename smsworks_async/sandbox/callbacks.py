"""Post delivery reports and incoming messages to the account holder's URLs."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .clock import Clock
    from .outbox import Post, PostRecord
    from .settings import Reporting


WORKERS = 8
PIECES = 8  # into which a slow body is divided


class CallbackSender:
    """Post callbacks with several workers, and report the result of each attempt.

    Attributes:
        in_process: a function that posts to an application of this process instead of the network;
            None to use the network.

    Args:
        reporting: the time limit of an attempt, and the time over which its body is sent.
        on_attempt: called after each attempt.
        clock: the clock for the time of an attempt.
    """

    def __init__(
        self,
        reporting: Reporting,
        on_attempt: Callable[[PostRecord], None],
        clock: Clock,
    ) -> None:
        self.in_process: Callable[[Post], Awaitable[int]] | None = None
        self._timeout = aiohttp.ClientTimeout(total=reporting.timeout)
        self._duration = reporting.duration
        self._on_attempt = on_attempt
        self._clock = clock
        self._unposted = 0
        self._unanswered = 0
        self._queue: asyncio.Queue[PostRecord] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def waiting(self) -> int:
        """The number of posts that are queued or in progress."""
        return self._unposted

    @property
    def is_unanswered(self) -> bool:
        """Whether none of the latest attempts got a response."""
        return self._unanswered >= 2 * WORKERS

    def put(self, record: PostRecord) -> None:
        """Queue an attempt at a post."""
        record.waiting = True
        self._unposted += 1
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
            self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(WORKERS)]
        self._queue.put_nowait(record)

    async def join(self) -> None:
        """Wait until every queued post has been attempted."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop immediately; queued posts are not sent."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            record = await self._queue.get()
            record.at = self._clock.time()
            start = time.perf_counter()
            try:
                record.status = await self._post(session, record.post)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                record.error = self._describe(error)
            record.milliseconds = (time.perf_counter() - start) * 1000
            record.waiting = False
            self._unanswered = self._unanswered + 1 if record.status is None else 0
            self._unposted -= 1
            self._on_attempt(record)
            self._queue.task_done()

    def _describe(self, error: Exception) -> str:
        """Return an error message without the URL, which may contain a secret."""
        if isinstance(error, TimeoutError):
            return f"no response within {self._timeout.total:g} s"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"cannot connect to {error.host}:{error.port}"
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return "the connection was closed without a response"
        return type(error).__name__

    async def _post(self, session: aiohttp.ClientSession, post: Post) -> int:
        if self.in_process is not None:
            return await self.in_process(post)
        body = json.dumps(post.payload).encode()
        data = _pieces(body, self._duration) if self._duration else body
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        async with session.post(
            post.url, data=data, headers=headers, allow_redirects=False
        ) as response:
            return response.status


async def _pieces(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = -(-len(body) // PIECES)
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds / PIECES)
        yield body[start : start + size]
