"""Control endpoints, for tests in other processes: `/sandbox/...`, and the page at `/`.

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
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import hdrs, web

from . import dates, rendering
from .codes import Refusal, complaint
from .faults import read_faults
from .inspection import Inspection
from .records import plain
from .schemas import ADVANCE, INCOMING_SMS, read_json


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .gate import Gate
    from .scheduler import Scheduler
    from .simulator import Simulator


_NOT_STORED = {hdrs.CACHE_CONTROL: "no-store"}


class Control:
    """The control endpoints, and the page.

    Args:
        simulator: what they read and change.
        scheduler: turns the clock, receives messages and resets.
        gate: holds requests.
        authenticate: whether they need the token, or the key and the secret.
    """

    def __init__(
        self, simulator: Simulator, scheduler: Scheduler, gate: Gate, *, authenticate: bool
    ) -> None:
        self._simulator = simulator
        self._scheduler = scheduler
        self._gate = gate
        self._authenticate = authenticate
        self._inspection = Inspection(simulator, scheduler.sender)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the endpoints and the page."""
        router.add_get("/", self._page)
        router.add_get(rendering.STYLE_PATH, self._style)
        for method, path, handle in (
            ("GET", "/sandbox/state", self._state),
            ("POST", "/sandbox/faults", self._add_faults),
            ("DELETE", "/sandbox/faults", self._clear_faults),
            ("POST", "/sandbox/release", self._release),
            ("POST", "/sandbox/storage", self._change_storage),
            ("POST", "/sandbox/advance", self._advance),
            ("POST", "/sandbox/incoming", self._receive),
            ("POST", "/sandbox/reset", self._reset),
        ):
            router.add_route(method, path, self._handler(handle))
        inspection = self._inspection
        for path, look in (
            ("/sandbox/messages", lambda request: inspection.messages(_query(request))),
            ("/sandbox/messages/{id}", lambda request: inspection.message(_id(request))),
            ("/sandbox/requests", lambda request: inspection.requests(_query(request))),
            ("/sandbox/requests/{id}", lambda request: inspection.request(_id(request))),
            ("/sandbox/webhooks", lambda request: inspection.webhooks(_query(request))),
            ("/sandbox/faults", lambda request: inspection.faults(_query(request))),
            ("/sandbox/account", lambda request: inspection.account(_query(request))),
        ):
            router.add_get(path, self._looker(look))
        router.add_get("/sandbox/ready", _ready)

    def _looker(
        self, look: Callable[[web.Request], Any]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def respond(request: web.Request) -> web.StreamResponse:
            if not self._is_allowed(request):
                return _challenge()
            self._scheduler.settle()
            try:
                answer = look(request)
            except Refusal as refused:
                return web.json_response(refused.answer.payload, status=refused.answer.status)
            return web.json_response(answer, headers=_NOT_STORED)

        return respond

    def _handler(
        self, handle: Callable[[Any], Awaitable[Any]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def respond(request: web.Request) -> web.StreamResponse:
            if not self._is_allowed(request):
                return _challenge()
            if request.method == "POST" and request.content_type != "application/json":
                refused = complaint("The Content-Type is not application/json", 415).answer
                return web.json_response(refused.payload, status=refused.status)
            data = await request.read()
            try:
                return web.json_response(await handle(read_json(data) if data else None))
            except Refusal as refused:
                return web.json_response(refused.answer.payload, status=refused.answer.status)

        return respond

    def _is_allowed(self, request: web.Request) -> bool:
        if not self._authenticate:
            return True
        credentials = self._simulator.state.credentials
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        login = base64.b64encode(f"{credentials.key}:{credentials.secret}".encode())
        return credentials.holds(given) or hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), b"Basic " + login
        )

    async def _page(self, request: web.Request) -> web.Response:
        if not self._is_allowed(request):
            return _challenge()
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'self'"}
        text = rendering.render(self._simulator)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _style(self, request: web.Request) -> web.Response:
        if not self._is_allowed(request):
            return _challenge()
        return web.Response(text=rendering.style(), content_type="text/css")

    async def _state(self, _body: Any) -> Any:
        simulator = self._simulator
        by_destination = simulator.accepted_by_destination()
        requests = simulator.requests
        return {
            "now": dates.iso(simulator.now),
            "credits": plain(simulator.state.account.credits),
            "accepted": by_destination.total(),
            "by_destination": by_destination,
            "by_status": Counter(message.status for message in simulator.messages),
            "requests": Counter(f"{record.method} {record.path}" for record in requests),
            "unknown_fields": Counter(
                f"{record.method} {record.path} {name}"
                for record in requests
                for name in record.unknown_fields
            ),
            "connections": len({record.connection for record in requests}),
        }

    async def _add_faults(self, body: Any) -> Any:
        if not isinstance(body, list):
            raise complaint("The body is not an array of faults")
        try:
            faults = read_faults(body)
        except ValueError as error:
            raise complaint(str(error)) from error
        for fault in faults:
            self._simulator.add_fault(fault)
        return {"added": len(faults)}

    async def _clear_faults(self, _body: Any) -> Any:
        self._simulator.faults.clear()
        return {}

    async def _release(self, _body: Any) -> Any:
        self._gate.release()
        return {}

    async def _change_storage(self, body: Any) -> Any:
        if not isinstance(body, dict):
            raise complaint("The body is not an object of settings")
        try:
            return attrs.asdict(self._simulator.change_storage(**body))
        except ValueError as error:
            raise complaint(str(error)) from error

    async def _advance(self, body: Any) -> Any:
        try:
            await self._scheduler.advance(ADVANCE.check_types(body)["seconds"])
        except (RuntimeError, ValueError) as error:
            raise complaint(str(error)) from error
        return {"now": dates.iso(self._simulator.now)}

    async def _receive(self, body: Any) -> Any:
        message_id = await self._scheduler.receive(**INCOMING_SMS.check_types(body))
        return {"messageid": message_id}

    async def _reset(self, _body: Any) -> Any:
        self._scheduler.reset()
        return {}


async def _ready(_request: web.Request) -> web.Response:
    return web.json_response({"ready": True}, headers=_NOT_STORED)


def _id(request: web.Request) -> str:
    if request.query:
        raise complaint("This request has no parameters")
    return request.match_info["id"]


def _query(request: web.Request) -> dict[str, str]:
    """Return the parameters of a request.

    Raises:
        Refusal: one is there twice.
    """
    query = dict(request.query)
    if len(query) < len(request.query):
        raise complaint("A parameter is there twice")
    return query


def _challenge() -> web.Response:
    headers = {hdrs.WWW_AUTHENTICATE: 'Basic realm="sandbox"'}
    return web.json_response({"message": "Not authenticated"}, status=401, headers=headers)
