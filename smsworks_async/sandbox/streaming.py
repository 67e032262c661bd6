"""`GET /sandbox/events`: the feed of changes over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from .feed import COMMENT, PREFACE


if TYPE_CHECKING:
    from .feed import Feed, Stream


_HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"}
MOST_STREAMS = 100
#: The number of unsent bytes above which writing waits for the reader.
_HIGH_WATER = 16 * 1024


async def stream_events(request: web.Request, feed: Feed) -> web.StreamResponse:
    """Write events until the reader disconnects or is too slow, or the sandbox stops."""
    if len(feed.streams) >= MOST_STREAMS:
        message = f"Too many streams are open ({MOST_STREAMS}); close one, or retry later."
        return web.json_response({"message": message}, status=503, headers={"Retry-After": "5"})
    response = web.StreamResponse(headers=_HEADERS)
    changed = asyncio.Event()
    stream = feed.open(changed.set, request.headers.get("Last-Event-ID", ""))
    events = Events(feed, stream, changed)
    try:
        await response.prepare(request)
        transport = request.transport
        if transport is not None:
            transport.set_write_buffer_limits(_HIGH_WATER)
        data = PREFACE
        while data:
            async with asyncio.timeout(feed.pauses.patience):
                await response.write(data)
            data = await events.next()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the reader has disconnected
    finally:
        feed.close(stream)
    return response


class Events:
    """The events of one stream, with the feed's intervals.

    Args:
        feed: the feed.
        stream: the stream.
        changed: set when there is a change, and at the end.
    """

    def __init__(self, feed: Feed, stream: Stream, changed: asyncio.Event) -> None:
        self._feed = feed
        self._stream = stream
        self._changed = changed
        self._last = -1e9

    async def next(self) -> bytes:
        """Wait for the next event, and return it, or a comment; empty bytes at the end."""
        pauses, time = self._feed.pauses, asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(pauses.comments):
                await self._changed.wait()
        except TimeoutError:
            return b"" if self._feed.is_closed else COMMENT
        pause = self._last + pauses.events - time()
        if pause > 0 and not self._feed.is_closed:
            await asyncio.sleep(pause)
        if self._feed.is_closed:
            return b""
        self._last = time()
        self._changed.clear()
        return self._feed.event(self._stream)
