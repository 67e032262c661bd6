"""Webhooks as a bare ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from smsworks_async.webhooks.body import Body, declared
from smsworks_async.webhooks.executors import ON_LOOP
from smsworks_async.webhooks.guard import ALLOW, Facts


if TYPE_CHECKING:
    from smsworks_async.webhooks.processor import Webhooks

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def asgi_application(hooks: Webhooks) -> ASGIApplication:
    """Give the application."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        status = hooks.refusal(_facts(scope))
        read = False
        if status is None:
            body = await _read(receive, hooks.receive_timeout)
            if body is None:
                return  # whoever posted it has left, and nobody is there to be answered
            read = not isinstance(body, int)
            status = body if isinstance(body, int) else await hooks.answer(body, ON_LOOP)
        headers = [(b"content-length", b"0")]
        if status == 405:
            headers += [(name.lower().encode(), value.encode()) for name, value in ALLOW.items()]
        if not read:
            headers.append((b"connection", b"close"))  # the rest of the body is not waited for
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return application


def _facts(scope: Scope) -> Facts:
    authorization = length = None
    forwarded_for = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"content-length":
            length = declared(value.decode("latin-1"))
        elif name == b"x-forwarded-for":
            forwarded_for.append(value.decode("latin-1"))
    peer = scope["client"][0] if scope.get("client") else None
    return Facts(scope["method"], scope["path"], authorization, peer, forwarded_for, length)


async def _read(receive: Receive, seconds: float) -> bytes | int | None:
    """Read a body within bounds, or give the status that says which of them it broke.

    None where the other side has left in the middle of it.
    """
    body = Body()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                if not body.feed(message.get("body", b"")) or not message.get("more_body"):
                    return body.whole()
    except TimeoutError:
        return 408


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to a server that asks whether it may start, and stop: there is nothing to do."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
