"""Webhooks as a bare ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from smsworks_async.webhooks.executors import LOOP_EXECUTOR
from smsworks_async.webhooks.processor import Processor
from smsworks_async.webhooks.request import (
    ALLOW,
    BodyBuffer,
    Rejected,
    RequestHead,
    parse_content_length,
)


Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def asgi_application(processor: Processor) -> ASGIApplication:
    """Return the application."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        was_read = False
        try:
            processor.check_head(_head(scope))
            body = await _read(receive, processor.receive_timeout)
            if body is None:
                return  # the client has disconnected
            was_read = True
            status = await processor.process(body, LOOP_EXECUTOR)
        except Rejected as rejected:
            status = rejected.status
        headers = [(b"content-length", b"0")]
        if status == 405:
            headers += [(name.lower().encode(), value.encode()) for name, value in ALLOW.items()]
        if not was_read:
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return application


def _head(scope: Scope) -> RequestHead:
    authorization = length = None
    forwarded_for = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"content-length":
            length = parse_content_length(value.decode("latin-1"))
        elif name == b"x-forwarded-for":
            forwarded_for.append(value.decode("latin-1"))
    peer = scope["client"][0] if scope.get("client") else None
    return RequestHead(scope["method"], scope["path"], authorization, peer, forwarded_for, length)


async def _read(receive: Receive, seconds: float) -> bytes | None:
    """Read a body; None if the client disconnects before its end.

    Raises:
        Rejected: with 408 or 413: it was too slow or too large.
    """
    body = BodyBuffer()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                if not body.feed(message.get("body", b"")) or not message.get("more_body"):
                    return body.read()
    except TimeoutError:
        raise Rejected(408) from None


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    """Acknowledge a server's start and stop, which need no action."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
