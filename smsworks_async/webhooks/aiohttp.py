"""Webhooks as routes of `aiohttp.web`."""

from __future__ import annotations

import asyncio

from aiohttp import ClientError, StreamReader, hdrs, web

from smsworks_async.webhooks.executors import LOOP_EXECUTOR
from smsworks_async.webhooks.processor import Processor
from smsworks_async.webhooks.request import ALLOW, BodyBuffer, Rejected, RequestHead


def aiohttp_routes(processor: Processor, path: str) -> list[web.RouteDef]:
    """Return the routes for a path, with or without a secret at its end."""

    async def handle(request: web.Request) -> web.Response:
        try:
            processor.check_head(_head(request))
            body = await _read(request.content, processor.receive_timeout)
            status = await processor.process(body, LOOP_EXECUTOR)
        except Rejected as rejected:
            status = rejected.status
        if status == 404:
            raise web.HTTPNotFound  # the same answer as for a path that does not exist
        return web.Response(status=status, headers=ALLOW if status == 405 else None)

    bare = path.rstrip("/")
    return [web.route("*", bare + "/{secret:.*}", handle), web.route("*", bare or "/", handle)]


def _head(request: web.Request) -> RequestHead:
    headers = request.headers
    return RequestHead(
        request.method,
        request.path,
        headers.get(hdrs.AUTHORIZATION),
        request.remote,
        headers.getall(hdrs.X_FORWARDED_FOR, ()),
        request.content_length,
    )


async def _read(content: StreamReader, seconds: float) -> bytes:
    """Read a body.

    Raises:
        Rejected: with 400, 408 or 413: it was truncated, too slow, or too large.
    """
    body = BodyBuffer()
    try:
        if content.is_eof():  # all of it arrived with the headers
            body.feed(content.read_nowait())
            return body.read()
        async with asyncio.timeout(seconds):
            while not content.at_eof() and body.feed(await content.readany()):
                pass
    except TimeoutError:
        raise Rejected(408) from None
    except (ClientError, web.RequestPayloadError, ConnectionError):
        raise Rejected(400) from None
    return body.read()
