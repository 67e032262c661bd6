"""One request from end to end: noted, struck by a fault or not, carried out, answered or cut."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from email.utils import formatdate
from http.client import responses
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import web

from .codes import CODES, Answer, Refusal, complaint, error_object
from .faults import Fault, FaultScript
from .operations import OPERATIONS, Call, Operation, Service, methods_of
from .schemas import read_json


if TYPE_CHECKING:
    from collections.abc import Callable


VERSION_PATH = "/v1"
MAX_BODY = 8 * 1024 * 1024  # bytes
_CONTENT_TYPE = "application/json;charset=UTF-8"


@attrs.define(eq=False)
class RequestRecord:
    """One request as the sandbox saw it.

    Attributes:
        method: such as `POST`.
        path: below `/v1`, such as `/message/send`.
        at: when it came, by the sandbox's clock; an aware datetime.
        connection: counts the TCP connections; requests over the same one have the same number.
        status: the HTTP status answered; None while in flight, or when the connection was cut.
        unknown_fields: the names in its body that the API does not have, and ignores.
    """

    method: str
    path: str
    at: datetime
    connection: int
    status: int | None = None
    unknown_fields: tuple[str, ...] = ()


class Gate:
    """Where held requests wait."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.closed = False

    def release(self) -> None:
        """Let those go that wait now."""
        self._opened.set()
        self._opened = asyncio.Event()

    def close(self) -> None:
        """Let those go that wait now, and nobody wait any more."""
        self.closed = True
        self.release()

    async def wait(self, seconds: float | None) -> None:
        """Wait for the gate to be opened, for at most so many real seconds (None = for ever)."""
        if self.closed:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._opened.wait()
        except TimeoutError:
            pass


@attrs.frozen
class _Reply:
    """An answer in bytes."""

    status: int
    body: bytes
    content_type: str = _CONTENT_TYPE
    headers: dict[str, str] = attrs.Factory(dict)


def _reply(answer: Answer) -> _Reply:
    body = json.dumps(answer.payload).encode()
    return _Reply(answer.status, body, headers=dict(answer.headers))


def _ids(true: _Reply) -> dict[str, Any]:
    """Return the ids in an answer, if it is one that accepts."""
    if true.status >= 300:
        return {}
    payload = json.loads(true.body)
    first: Any = payload[0] if isinstance(payload, list) and payload else payload
    return {name: first[name] for name in ("messageid", "batchid") if name in first}


def fault_reply(fault: Fault, true: _Reply | None) -> _Reply:
    """Return the answer that a fault gives of its own; `true` is what would have been answered."""
    status = fault.status
    content_type = _CONTENT_TYPE
    ids = _ids(true) if fault.carry_ids and true is not None else {}
    if fault.error_code is not None:
        payload = {**error_object(fault.error_code), **ids}
        if fault.permanent == "omit":
            del payload["permanent"]
        elif fault.permanent is not None:
            payload["permanent"] = fault.permanent
        status = status or CODES[fault.error_code].http_status
        body = json.dumps(payload)
    elif fault.body is not None:
        status = status or (true.status if true else 200)
        content_type, body = fault.content_type, fault.body
    else:
        status = status or 503
        body = json.dumps({"message": responses.get(status, f"Status {status}"), **ids})
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after}"}
    return _Reply(status, body.encode("utf-8", "replace"), content_type, headers)


class FrontDoor:
    """Takes in every request below `/v1`.

    Args:
        service: what the operations work on.
        settle: brings the account up to the clock, and returns the time; called before and after
            each request.
    """

    def __init__(self, service: Service, settle: Callable[[], float]) -> None:
        self.requests: list[RequestRecord] = []
        self.script = FaultScript()
        self.gate = Gate()
        self._service = service
        self._settle = settle
        self._connections: dict[asyncio.BaseTransport, int] = {}
        self._connected = 0
        self._tasks: set[asyncio.Task[_Reply | None]] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add all the operations, and what answers for everything else below `/v1`."""
        for operation in OPERATIONS:
            # As with Express, a slash at the end makes no difference.
            for path in (operation.path, f"{operation.path}/"):
                router.add_route(operation.method, VERSION_PATH + path, self._handler(operation))
        router.add_route("*", VERSION_PATH + "/{path:.*}", self._handler(_NOWHERE))

    def _handler(self, operation: Operation) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(request, operation)

        return handle

    async def _handle(self, request: web.Request, operation: Operation) -> web.StreamResponse:
        record = self._note(request)
        fault = self.script.strike(record.method, record.path)
        try:
            data = await request.read()
        except web.HTTPRequestEntityTooLarge:
            refused = complaint(f"The body is larger than {MAX_BODY} bytes", 413)
            return self._respond(record, _reply(refused.answer))
        if fault is None:
            return self._respond(record, self._carry_out(request, record, operation, data))
        return await self._struck(
            request, record, fault, lambda: self._carry_out(request, record, operation, data)
        )

    async def _struck(
        self,
        request: web.Request,
        record: RequestRecord,
        fault: Fault,
        carry_out: Callable[[], _Reply],
    ) -> web.StreamResponse:
        held = fault.when in {"hold", "late", "hang"}
        if fault.when == "late":
            # In a task of its own: the handler is cancelled when its client leaves.
            late = asyncio.create_task(self._late(fault, carry_out))
            self._tasks.add(late)
            late.add_done_callback(self._tasks.discard)
            true = await asyncio.shield(late)
        else:
            true = None if fault.when in {"before", "hang"} else carry_out()
            if held or fault.delay:
                await self.gate.wait(fault.delay or None)
        if self.gate.closed:
            return _cut(request)
        if fault.answers or fault.when == "hang":
            reply: _Reply | None = fault_reply(fault, true)
        else:
            reply = true if held or fault.when == "mid" else None
        if reply is None:
            return _cut(request)
        if fault.when == "mid":
            return await _half(request, reply)
        return self._respond(record, reply)

    async def _late(self, fault: Fault, carry_out: Callable[[], _Reply]) -> _Reply | None:
        await self.gate.wait(fault.delay or None)
        return None if self.gate.closed else carry_out()

    def _carry_out(
        self, request: web.Request, record: RequestRecord, operation: Operation, data: bytes
    ) -> _Reply:
        now = self._settle()
        try:
            if not operation.open:
                self._service.credentials.authorise(request.headers.get("Authorization"))
            body = _read_body(request, data) if operation.form is not None else None
            if operation.form is not None:
                record.unknown_fields = tuple(operation.form.unknown(body))
            call = Call(body, request.match_info, request.query, now)
            result = operation.run(self._service, call)
            answer = Answer(operation.status, result)
        except Refusal as refused:
            answer = refused.answer
        self._settle()
        return _reply(answer)

    def _note(self, request: web.Request) -> RequestRecord:
        at = datetime.fromtimestamp(self._settle(), UTC)
        path = request.path.removeprefix(VERSION_PATH).rstrip("/") or "/"
        record = RequestRecord(request.method, path, at, self._connection(request.transport))
        self.requests.append(record)
        return record

    def _connection(self, transport: asyncio.BaseTransport | None) -> int:
        if transport is None:
            return 0
        if transport not in self._connections:
            self._connected += 1
            open_ones = {t: n for t, n in self._connections.items() if not t.is_closing()}
            self._connections = {**open_ones, transport: self._connected}
        return self._connections[transport]

    def _respond(self, record: RequestRecord, reply: _Reply) -> web.Response:
        record.status = reply.status
        response = _response(reply)
        # By the provider's clock, which its records go by, too.
        skew = self._service.account.settings.storage.clock_skew
        response.headers["Date"] = formatdate(self._settle() + skew, usegmt=True)
        return response


def _nowhere(_service: Service, call: Call) -> Any:
    allowed = methods_of("/" + call.path["path"].rstrip("/"))
    if allowed:
        raise complaint("This path has other methods.", 405, Allow=", ".join(allowed))
    raise complaint("There is nothing here; look at the method and the path.", 404)


_NOWHERE = Operation("*", "/{path}", _nowhere)


def _read_body(request: web.Request, data: bytes) -> Any:
    if request.content_type != "application/json":
        raise complaint("The Content-Type is not application/json", 415)
    return read_json(data)


def _response(reply: _Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """Close the connection under the request; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _half(request: web.Request, reply: _Reply) -> web.StreamResponse:
    """Write the status line, the headers and half of the body, and cut the connection."""
    response = web.StreamResponse(
        status=reply.status, headers={"Content-Type": reply.content_type, **reply.headers}
    )
    response.content_length = len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    _cut(request)
    return response
