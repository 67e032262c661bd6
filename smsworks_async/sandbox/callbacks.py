"""Posting delivery reports and incoming messages to the URLs of the account's holder."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp
import attrs


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .account import Post
    from .settings import Reporting


WORKERS = 8
PIECES = 8  # of a body that takes its time


@attrs.define(eq=False)
class PostRecord:
    """One attempt at a post: what went where, and the HTTP status that came back, if one did.

    Attributes:
        refused: whether nothing was posted, since the URL's host is neither loopback nor one of
            `callback_hosts`.
    """

    post: Post
    status: int | None = None
    refused: bool = False


class Postman:
    """A few workers that post what they are given, and say of each how it went.

    Args:
        reporting: how long one attempt may take, and its body does.
        posted: called after each attempt.
    """

    def __init__(self, reporting: Reporting, posted: Callable[[PostRecord], None]) -> None:
        self._timeout = aiohttp.ClientTimeout(total=reporting.timeout)
        self._duration = reporting.duration
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
                record.status = await self._post(session, record.post)
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # nobody there, or nobody who answers: the record's status stays None
            self._posted(record)
            self._queue.task_done()

    async def _post(self, session: aiohttp.ClientSession, post: Post) -> int:
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
