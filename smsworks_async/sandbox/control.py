"""The sandbox by HTTP, for those in another process: `/sandbox/...`, and the page at `/`.

| request                          | does                                                          |
|----------------------------------|---------------------------------------------------------------|
| `GET /`                          | shows the latest messages and requests to a person            |
| `GET /sandbox/state`             | counts: messages, requests, connections, and the credits      |
| `POST /sandbox/faults`           | puts the faults of a list in force                            |
| `DELETE /sandbox/faults`         | puts all faults out of force                                  |
| `POST /sandbox/release`          | lets held answers go                                          |
| `POST /sandbox/storage`          | changes settings of `Storage`, and shows all of them          |
| `POST /sandbox/advance`          | `{"seconds": n}`: turns a manual clock                        |
| `POST /sandbox/incoming`         | `{"sender", "to", "content", "keyword"}`: an SMS from a phone |
| `POST /sandbox/reset`            | starts again with an empty account                            |

None of it needs a token while the sandbox listens on loopback. Beyond, all of it does: the token in
`Authorization`, or the key and the secret as user and password, which a browser asks for. Each POST
has the Content-Type `application/json`, with a body or without: a web page's form cannot send it.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import hdrs, web

from . import dates
from .access import is_loopback
from .codes import Refusal, complaint
from .faults import read_faults
from .page import render
from .records import plain
from .schemas import ADVANCE, INCOMING_SMS, read_json


if TYPE_CHECKING:
    from .server import Sandbox


def state(box: Sandbox) -> dict[str, Any]:
    """Return the counts that `GET /sandbox/state` answers with."""
    by_destination = box.accepted_by_destination()
    requests = Counter(f"{record.method} {record.path}" for record in box.requests)
    return {
        "now": dates.iso(box.now),
        "credits": plain(box.credits),
        "accepted": by_destination.total(),
        "by_destination": by_destination,
        "by_status": Counter(message.status for message in box.messages),
        "requests": requests,
        "unknown_fields": Counter(
            f"{record.method} {record.path} {name}"
            for record in box.requests
            for name in record.unknown_fields
        ),
        "connections": len({record.connection for record in box.requests}),
    }


async def _faults(box: Sandbox, body: Any) -> Any:
    if not isinstance(body, list):
        raise complaint("The body is not an array of faults")
    try:
        faults = read_faults(body)
    except ValueError as error:
        raise complaint(str(error)) from error
    for fault in faults:
        box.add_fault(fault)
    return {"added": len(faults)}


async def _clear_faults(box: Sandbox, _body: Any) -> Any:
    box.clear_faults()
    return {}


async def _release(box: Sandbox, _body: Any) -> Any:
    box.release()
    return {}


async def _storage(box: Sandbox, body: Any) -> Any:
    if not isinstance(body, dict):
        raise complaint("The body is not an object of settings")
    try:
        return attrs.asdict(box.change_storage(**body))
    except ValueError as error:
        raise complaint(str(error)) from error


async def _advance(box: Sandbox, body: Any) -> Any:
    try:
        await box.advance(ADVANCE.shape(body)["seconds"])
    except (RuntimeError, ValueError) as error:
        raise complaint(str(error)) from error
    return {"now": dates.iso(box.now)}


async def _incoming(box: Sandbox, body: Any) -> Any:
    return {"messageid": await box.receive(**INCOMING_SMS.shape(body))}


async def _reset(box: Sandbox, _body: Any) -> Any:
    box.reset()
    return {}


async def _state(box: Sandbox, _body: Any) -> Any:
    return state(box)


Control = Callable[["Sandbox", Any], Awaitable[Any]]

_CONTROLS: tuple[tuple[str, str, Control], ...] = (
    ("GET", "/sandbox/state", _state),
    ("POST", "/sandbox/faults", _faults),
    ("DELETE", "/sandbox/faults", _clear_faults),
    ("POST", "/sandbox/release", _release),
    ("POST", "/sandbox/storage", _storage),
    ("POST", "/sandbox/advance", _advance),
    ("POST", "/sandbox/incoming", _incoming),
    ("POST", "/sandbox/reset", _reset),
)


def add_control(router: web.UrlDispatcher, box: Sandbox) -> None:
    """Add the control endpoints and the page."""

    async def page(request: web.Request) -> web.Response:
        if not _may(box, request):
            return _challenge()
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return web.Response(text=render(box), content_type="text/html", headers=headers)

    router.add_get("/", page)
    for method, path, control in _CONTROLS:
        router.add_route(method, path, _handler(box, control))


def _handler(
    box: Sandbox, control: Control
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not _may(box, request):
            return _challenge()
        if request.method == "POST" and request.content_type != "application/json":
            refused = complaint("The Content-Type is not application/json", 415).answer
            return web.json_response(refused.payload, status=refused.status)
        data = await request.read()
        try:
            return web.json_response(await control(box, read_json(data) if data else None))
        except Refusal as refused:
            return web.json_response(refused.answer.payload, status=refused.answer.status)

    return handle


def _may(box: Sandbox, request: web.Request) -> bool:
    if is_loopback(box.host):
        return True
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    login = b"Basic " + base64.b64encode(f"{box.key}:{box.secret}".encode())
    return box.is_token(given) or hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), login
    )


def _challenge() -> web.Response:
    headers = {hdrs.WWW_AUTHENTICATE: 'Basic realm="sandbox"'}
    return web.json_response({"message": "Not authenticated"}, status=401, headers=headers)
