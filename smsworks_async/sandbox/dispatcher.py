"""The dispatcher: it handles requests below `/v1`, and applies faults to them."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from .codes import complaint
from .operations import OPERATIONS, UNKNOWN, Operation
from .replies import Reply, encode, fault_reply
from .traffic import RequestRecord


if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault
    from .gate import Gate
    from .simulator import Simulator


VERSION_PATH = "/v1"
MAX_BODY = 8 * 1024 * 1024  # bytes


class Dispatcher:
    """Dispatch every request below `/v1` to its operation.

    Args:
        simulator: the simulator that performs the operations.
        settle: a function that performs the work that is due after an operation, given its time:
            callbacks and storage.
        gate: the gate at which faults hold requests.
    """

    def __init__(self, simulator: Simulator, settle: Callable[[float], object], gate: Gate) -> None:
        self._simulator = simulator
        self._settle = settle
        self._gate = gate
        self._connections: dict[asyncio.BaseTransport, tuple[int, str]] = {}
        self._connected = 0
        self._tasks: set[asyncio.Task[Reply | None]] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add routes for all operations, and for all other paths below `/v1`."""
        for operation in OPERATIONS:
            # As with Express, a slash at the end of a path is ignored.
            for path in (operation.path, f"{operation.path}/"):
                router.add_route(operation.method, VERSION_PATH + path, self._handler(operation))
        router.add_route("*", VERSION_PATH + r"/{path:[\s\S]*}", self._handler(UNKNOWN))

    def _handler(self, operation: Operation) -> Callable[[web.Request], Any]:
        return partial(self._dispatch, operation)

    async def _dispatch(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        start = time.perf_counter()
        record = self._record(request, operation)
        fault = record.fault = self._simulator.faults.strike(record.method, record.path)
        try:
            record.body = await request.read()
            if fault is None:
                return self._respond(record, self._run(request, record, operation))
            run = partial(self._run, request, record, operation)
            return await self._strike(request, record, fault, run)
        except web.HTTPRequestEntityTooLarge:
            refused = complaint(f"The body is larger than {MAX_BODY} bytes", 413)
            return self._respond(record, encode(refused.answer))
        finally:
            record.milliseconds = (time.perf_counter() - start) * 1000
            self._simulator.end(record)

    async def _strike(
        self,
        request: web.Request,
        record: RequestRecord,
        fault: Fault,
        run: Callable[[], Reply],
    ) -> web.StreamResponse:
        """Apply a fault to a request."""
        held = fault.when in {"hold", "late", "hang"}
        if fault.when == "late":
            # In a separate task, because aiohttp cancels the handler when the client disconnects.
            late = asyncio.create_task(self._run_late(fault, run))
            self._tasks.add(late)
            late.add_done_callback(self._tasks.discard)
            true = await asyncio.shield(late)
        else:
            true = None if fault.when in {"before", "hang"} else run()
            if held or fault.delay:
                await self._gate.wait(fault.delay or None)
        if self._gate.closed:
            return _cut(request)
        if fault.answers or fault.when == "hang":
            reply: Reply | None = fault_reply(fault, true)
        else:
            reply = true if held or fault.when == "mid" else None
        if reply is None:
            return _cut(request)
        if fault.when == "mid":
            return await _cut_in_the_middle(request, reply)
        return self._respond(record, reply)

    async def _run_late(self, fault: Fault, run: Callable[[], Reply]) -> Reply | None:
        await self._gate.wait(fault.delay or None)
        return None if self._gate.closed else run()

    def _run(self, request: web.Request, record: RequestRecord, operation: Operation) -> Reply:
        now = self._simulator.settle()
        answer = self._simulator.answer(
            operation,
            record,
            authorization=request.headers.get(hdrs.AUTHORIZATION),
            content_type=request.content_type,
            path=request.match_info,
            now=now,
        )
        self._settle(now)
        return encode(answer)

    def _record(self, request: web.Request, operation: Operation) -> RequestRecord:
        at = self._simulator.now
        path = operation.path
        if operation.has_ids:
            path = request.path.removeprefix(VERSION_PATH).rstrip("/") or "/"
        connection = self._connection(request.transport)
        record = RequestRecord(request.method, path, at, connection, operation=operation.path)
        self._simulator.begin(record)
        return record

    def _connection(self, transport: asyncio.BaseTransport | None) -> int:
        """Return the number of a connection, and count it; 0 for one that has been closed."""
        if transport is None:
            return 0
        run = self._simulator.feed.run
        known = self._connections.get(transport)
        if known is not None and known[1] == run:
            return known[0]
        self._simulator.traffic.connections += 1
        if known is None:
            self._connected += 1
            known = (self._connected, run)
            self._connections = {
                open_one: entry
                for open_one, entry in self._connections.items()
                if not open_one.is_closing()
            }
        self._connections[transport] = (known[0], run)
        return known[0]

    def _respond(self, record: RequestRecord, reply: Reply) -> web.Response:
        record.status = reply.status
        record.answer = reply.body
        # The provider's clock, as in its records.
        date = _date(int(self._simulator.now + self._simulator.storage.clock_skew))
        headers = {hdrs.CONTENT_TYPE: reply.content_type, hdrs.DATE: date, **reply.headers}
        return web.Response(status=reply.status, body=reply.body, headers=headers)


@lru_cache(maxsize=8)
def _date(moment: int) -> str:
    return formatdate(moment, usegmt=True)


def _cut(request: web.Request) -> web.Response:
    """Abort the request's connection; return a response that is not sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _cut_in_the_middle(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send the status line, the headers and half of the body, then abort the connection."""
    response = web.StreamResponse(
        status=reply.status, headers={"Content-Type": reply.content_type, **reply.headers}
    )
    response.content_length = len(reply.body)
    try:
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    except ConnectionError:  # the client has disconnected
        return _cut(request)
    _cut(request)
    return response
