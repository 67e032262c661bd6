"""Control endpoints, for tests in other processes: `/sandbox/...`, and the web page at `/`.

| request                                         | effect                                         |
|-------------------------------------------------|------------------------------------------------|
| `GET /`                                         | the web page                                   |
| `GET /sandbox/messages`, `.../{id}`             | list messages with filters; show one           |
| `POST /sandbox/messages/{id}/deliver`           | set the final status of a sent message         |
| `POST .../report`, `reply`, `fire`, `cancel`    | other actions on a message                     |
| `GET /sandbox/requests`, `.../{id}`             | list the latest requests; show one             |
| `GET /sandbox/webhooks`                         | list the latest attempts at callbacks          |
| `GET /sandbox/events`                           | server-sent events of changes                  |
| `GET`, `POST`, `DELETE /sandbox/faults`         | list, add and remove faults                    |
| `GET`, `POST /sandbox/account`                  | show the account; set its credits              |
| `GET /sandbox/state`                            | counts: messages, requests, connections        |
| `GET /sandbox/ready`                            | respond once the sandbox listens               |
| `POST /sandbox/release`                         | release held responses                         |
| `POST /sandbox/storage`                         | change settings of `Storage`                   |
| `POST /sandbox/advance`                         | `{"seconds": n}`: advance the clock            |
| `POST /sandbox/incoming`                        | receive an SMS from a phone                    |
| `POST /sandbox/reset`                           | start again with an empty account              |

`docs/sandbox-control.md` describes them. No token is needed while the sandbox listens on loopback.
Otherwise all but `ready` need the token in `Authorization`, or HTTP Basic authentication with the
key and the secret. Each POST must have the Content-Type `application/json`, with or without a body,
because forms of other web sites cannot send that.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import hdrs, web

from . import assets, dates
from .acts import Acts
from .codes import Refusal, complaint
from .faults import read_faults
from .inspection import Inspection
from .records import plain
from .schemas import ADVANCE, CREDITS, INCOMING_SMS, read_json
from .streaming import stream_events


if TYPE_CHECKING:
    from .gate import Gate
    from .records import Message
    from .scheduler import Scheduler
    from .simulator import Simulator


_NOT_STORED = {hdrs.CACHE_CONTROL: "no-store"}


Handle = Callable[[web.Request, Any], Awaitable[Any]]


class Control:
    """The control endpoints and the web page.

    Args:
        simulator: the simulator that they read and change.
        scheduler: the scheduler of its clock and posts.
        gate: the gate that holds requests.
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
        self._acts = Acts(simulator, scheduler)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add routes for the endpoints and the page."""
        assets.add_routes(router, is_allowed=self._is_allowed, challenge=_challenge)
        router.add_get("/sandbox/ready", _ready)
        router.add_get("/sandbox/events", self._events, allow_head=False)
        inspection, acts = self._inspection, self._acts
        for path, look in (
            ("messages", lambda request: inspection.messages(_query(request))),
            ("messages/{id}", lambda request: inspection.message(_id(request))),
            ("requests", lambda request: inspection.requests(_query(request))),
            ("requests/{id}", lambda request: inspection.request(_id(request))),
            ("webhooks", lambda request: inspection.webhooks(_query(request))),
            ("faults", lambda request: inspection.faults(_query(request))),
            ("account", lambda request: inspection.account(_query(request))),
        ):
            router.add_get(f"/sandbox/{path}", self._responder(_reading(look)))
        for act in (acts.deliver, acts.report, acts.reply, acts.fire, acts.cancel):
            path = f"/sandbox/messages/{{id}}/{act.__name__}"
            router.add_post(path, self._responder(self._acting(act)))
        for method, path, handle in (
            ("GET", "state", self._state),
            ("POST", "account", self._change_account),
            ("POST", "faults", self._add_faults),
            ("DELETE", "faults", self._clear_faults),
            ("POST", "release", self._release),
            ("POST", "storage", self._change_storage),
            ("POST", "advance", self._advance),
            ("POST", "incoming", self._receive),
            ("POST", "reset", self._reset),
        ):
            router.add_route(method, f"/sandbox/{path}", self._responder(_taking_body(handle)))
        router.add_route("*", "/sandbox", self._unknown)
        router.add_route("*", "/sandbox/{path:.*}", self._unknown)

    async def _unknown(self, request: web.Request) -> web.Response:
        """Refuse a path that does not exist, or has no such method."""
        if not self._is_allowed(request):
            return _challenge()
        allowed: set[str] = set()
        for resource in request.app.router.resources():
            allowed |= (await resource.resolve(request))[1]
        allowed -= {hdrs.METH_ANY}
        if allowed:
            names = ", ".join(sorted(allowed))
            refused = complaint(f"This path has no such method; it has {names}", 405, Allow=names)
        else:
            refused = complaint(
                "There is no such path below /sandbox; docs/sandbox-control.md lists them", 404
            )
        answer = refused.answer
        return web.json_response(answer.payload, status=answer.status, headers=answer.headers)

    def _responder(self, handle: Handle) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def respond(request: web.Request) -> web.StreamResponse:
            if not self._is_allowed(request):
                return _challenge()
            if request.method == "POST" and request.content_type != "application/json":
                refused = complaint("The Content-Type must be application/json", 415).answer
                return web.json_response(refused.payload, status=refused.status)
            data = await request.read()
            self._scheduler.settle()
            try:
                answer = await handle(request, read_json(data) if data else None)
            except Refusal as refused:
                return web.json_response(refused.answer.payload, status=refused.answer.status)
            if request.method != "GET":
                self._simulator.feed.note()
            return web.json_response(answer, headers=_NOT_STORED)

        return respond

    def _acting(self, act: Callable[[Message, Any], Awaitable[Message]]) -> Handle:
        async def handle(request: web.Request, body: Any) -> Any:
            message = await act(self._inspection.find(_id(request)), body)
            return self._inspection.summary(message)

        return handle

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self._is_allowed(request):
            return _challenge()
        return await stream_events(request, self._simulator.feed)

    def _is_allowed(self, request: web.Request) -> bool:
        if not self._authenticate:
            return True
        credentials = self._simulator.state.credentials
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        login = base64.b64encode(f"{credentials.key}:{credentials.secret}".encode())
        return credentials.holds(given) or hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), b"Basic " + login
        )

    async def _state(self, _body: Any) -> Any:
        simulator = self._simulator
        by_destination = simulator.accepted_by_destination()
        requests, dropped = simulator.requests, simulator.traffic.dropped
        statuses = simulator.state.account.archive.dropped.by_status
        return {
            "now": dates.iso(simulator.now),
            "credits": plain(simulator.state.account.credits),
            "accepted": by_destination.total(),
            "by_destination": by_destination,
            "by_status": statuses + Counter(message.status for message in simulator.messages),
            "requests": dropped.by_operation
            + Counter(f"{record.method} {record.path}" for record in requests),
            "unknown_fields": dropped.unknown_fields
            + Counter(
                f"{record.method} {record.path} {name}"
                for record in requests
                for name in record.unknown_fields
            ),
            "connections": simulator.traffic.connections,
        }

    async def _change_account(self, body: Any) -> Any:
        credits = float(CREDITS.check_types(body)["credits"])
        if not 0 <= credits < 1e12:
            raise complaint("credits must be 0 or more")
        self._simulator.set_credits(credits)
        return self._inspection.account({})

    async def _add_faults(self, body: Any) -> Any:
        if not isinstance(body, list):
            raise complaint(
                'The body must be an array of faults, such as [{"path": "/message/send"}]'
            )
        try:
            faults = read_faults(body)
        except ValueError as error:
            raise complaint(str(error)) from error
        for fault in faults:
            self._simulator.add_fault(fault)
        return {"added": len(faults)}

    async def _clear_faults(self, _body: Any) -> Any:
        self._simulator.clear_faults()
        return {}

    async def _release(self, _body: Any) -> Any:
        self._gate.release()
        return {}

    async def _change_storage(self, body: Any) -> Any:
        if not isinstance(body, dict):
            raise complaint("The body must be an object of settings")
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


def _reading(look: Callable[[web.Request], Any]) -> Handle:
    async def handle(request: web.Request, _body: Any) -> Any:
        return look(request)

    return handle


def _taking_body(take: Callable[[Any], Awaitable[Any]]) -> Handle:
    async def handle(_request: web.Request, body: Any) -> Any:
        return await take(body)

    return handle


async def _ready(_request: web.Request) -> web.Response:
    return web.json_response({"ready": True}, headers=_NOT_STORED)


def _id(request: web.Request) -> str:
    if request.query:
        raise complaint("This request takes no query parameters")
    return request.match_info["id"]


def _query(request: web.Request) -> dict[str, str]:
    """Return the query parameters of a request.

    Raises:
        Refusal: a parameter occurs twice.
    """
    query = dict(request.query)
    if len(query) < len(request.query):
        raise complaint("A query parameter occurs twice")
    return query


def _challenge() -> web.Response:
    headers = {hdrs.WWW_AUTHENTICATE: 'Basic realm="sandbox"'}
    return web.json_response({"message": "Not authenticated"}, status=401, headers=headers)
