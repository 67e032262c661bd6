"""Posting delivery reports and incoming messages to the URLs of the account's holder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import attrs


if TYPE_CHECKING:
    from collections.abc import Callable

    from .account import Post


WORKERS = 8


@attrs.define(eq=False)
class PostRecord:
    """One attempt at a post: what went where, and the HTTP status that came back, if one did."""

    post: Post
    status: int | None = None


class Postman:
    """A few workers that post what they are given, and say of each how it went.

    Args:
        timeout: real seconds for one attempt.
        posted: called after each attempt.
    """

    def __init__(self, timeout: float, posted: Callable[[PostRecord], None]) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._posted = posted
        self._queue: asyncio.Queue[Post] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    def put(self, post: Post) -> None:
        """Post something soon."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
            self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(WORKERS)]
        self._queue.put_nowait(post)

    async def idle(self) -> None:
        """Wait until everything was attempted."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop in the middle of whatever is going on."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            record = PostRecord(await self._queue.get())
            try:
                async with session.post(
                    record.post.url, json=record.post.payload, allow_redirects=False
                ) as response:
                    record.status = response.status
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # nobody there, or nobody who answers: the record's status stays None
            self._posted(record)
            self._queue.task_done()
