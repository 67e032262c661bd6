"""Webhooks as routes of `aiohttp.web`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import ClientError, StreamReader, hdrs, web

from smsworks_async.webhooks.body import Body
from smsworks_async.webhooks.executors import ON_LOOP
from smsworks_async.webhooks.guard import ALLOW, Facts


if TYPE_CHECKING:
    from smsworks_async.webhooks.processor import Webhooks


def aiohttp_routes(hooks: Webhooks, path: str) -> list[web.RouteDef]:
    """Give the routes for a path, with or without a secret at its end."""

    async def handle(request: web.Request) -> web.Response:
        headers = request.headers
        facts = Facts(
            request.method,
            request.path,
            headers.get(hdrs.AUTHORIZATION),
            request.remote,
            headers.getall(hdrs.X_FORWARDED_FOR, ()),
            request.content_length,
        )
        status = hooks.refusal(facts)
        if status is None:
            body = await _read(request.content, hooks.receive_timeout)
            status = body if isinstance(body, int) else await hooks.answer(body, ON_LOOP)
        if status == 404:
            raise web.HTTPNotFound  # exactly as where there is nothing
        return web.Response(status=status, headers=ALLOW if status == 405 else None)

    bare = path.rstrip("/")
    return [web.route("*", bare + "/{secret:.*}", handle), web.route("*", bare or "/", handle)]


async def _read(content: StreamReader, seconds: float) -> bytes | int:
    """Read a body within bounds, or give the status that says which of them it broke."""
    body = Body()
    try:
        if content.is_eof():  # all of it came along with the headers: there is nothing to wait for
            body.feed(content.read_nowait())
            return body.whole()
        async with asyncio.timeout(seconds):
            while not content.at_eof() and body.feed(await content.readany()):
                pass
    except TimeoutError:
        return 408
    except (ClientError, web.RequestPayloadError, ConnectionError):
        return 400
    return body.whole()
