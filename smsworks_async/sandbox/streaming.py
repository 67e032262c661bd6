"""`GET /sandbox/events`: the feed over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from .feed import PREFACE


if TYPE_CHECKING:
    from .feed import Feed


_HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"}
MOST_STREAMS = 100
#: The number of unsent bytes above which writing waits for the reader.
_HIGH_WATER = 16 * 1024


async def stream_events(request: web.Request, feed: Feed) -> web.StreamResponse:
    """Write events until the reader disconnects or is too slow, or the sandbox stops."""
    if len(feed.streams) >= MOST_STREAMS:
        message = f"There are too many streams open: {MOST_STREAMS}."
        return web.json_response({"message": message}, status=503, headers={"Retry-After": "5"})
    response = web.StreamResponse(headers=_HEADERS)
    stream = feed.open(request.headers.get("Last-Event-ID", ""))
    try:
        await response.prepare(request)
        transport = request.transport
        if transport is not None:
            transport.set_write_buffer_limits(_HIGH_WATER)
        data = PREFACE
        while data:
            async with asyncio.timeout(feed.pauses.patience):
                await response.write(data)
            data = await feed.next(stream)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the reader has left
    finally:
        feed.close(stream)
    return response
