"""The rate and the CPU time of webhook reports, compared with a handler that only parses JSON.

Both aiohttp servers run in their own processes and take turns; 50 connections post 10,000 reports
in each turn. The result is the median ratio of the servers' CPU time in neighbouring turns. Every
report is about a different message, so the handler is called for each. The WSGI application is
called directly, and compared in the same way with one that only parses JSON. Run it as
``python benchmarks/webhooks.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from server import serving

from smsworks_async.webhooks import DeliveryReport, Webhooks


SECRET = "a-secret-of-32-bytes-or-a-bit-more"
REPORT = {
    "__v": 0,
    "_id": "5ab817e969722262a9711bb4",
    "content": "Your table is booked for 8",
    "created": "2031-03-25T21:43:05.667Z",
    "credits": 1,
    "customerid": "5a4db0c5-0000-4000-8000-000000000000",
    "destination": 447700900123,
    "international": False,
    "keyword": "",
    "modified": "2031-03-25T21:43:13.229Z",
    "schedule": "2031-03-25T21:43:05.665Z",
    "sender": "AcmeCorp",
    "status": "DELIVERED",
    "tag": "bookings",
}


def _application(kind: str) -> web.Application:
    app = web.Application()
    state = {"count": 0, "cpu": 0.0}

    async def bare(request: web.Request) -> web.Response:
        await request.json()
        state["count"] += 1
        return web.Response()

    async def on_report(_: DeliveryReport) -> None:
        state["count"] += 1

    async def usage(_: web.Request) -> web.Response:
        return web.json_response({"count": state["count"], "cpu": time.process_time()})

    if kind == "bare":
        app.router.add_post("/sms/" + SECRET, bare)
    else:
        app.add_routes(Webhooks(on_report=on_report, secrets=SECRET).routes("/sms"))
    app.router.add_get("/usage", usage)
    return app


async def _serve(kind: str, ready: Any) -> None:
    runner = web.AppRunner(_application(kind), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.send(runner.addresses[0][1])
    await asyncio.Event().wait()


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head[9:12], await reader.readexactly(length)


async def _usage(port: int) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /usage HTTP/1.1\r\nHost: x\r\n\r\n")
    _, body = await _answer(reader)
    writer.close()
    return json.loads(body)


async def _post(port: int, bodies: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /sms/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for body in bodies:
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, _ = await _answer(reader)
        assert status == b"200", status
    writer.close()


async def turn(port: int, first: int, count: int, connections: int) -> tuple[float, float]:
    """Post reports, and return the elapsed seconds and the server's CPU seconds."""
    bodies = iter(
        [json.dumps({**REPORT, "messageid": str(first + n)}).encode() for n in range(count)]
    )
    before, begun = await _usage(port), time.perf_counter()
    await asyncio.gather(*[_post(port, bodies) for _ in range(connections)])
    took, after = time.perf_counter() - begun, await _usage(port)
    assert after["count"] - before["count"] == count, "reports were lost, or handled twice"
    return took, after["cpu"] - before["cpu"]


def _bare_wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


def wsgi_turn(application: Any, first: int, count: int) -> float:
    """Call a WSGI application with reports, and return the CPU seconds that took."""
    statuses: list[str] = []
    environs = []
    for number in range(first, first + count):
        body = json.dumps({**REPORT, "messageid": str(number)}).encode()
        environ = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/sms", "PATH_INFO": f"/{SECRET}"}
        stream = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environs.append(environ | stream)
    before = time.process_time()
    for environ in environs:
        application(environ, lambda status, _: statuses.append(status))
    took = time.process_time() - before
    assert statuses == ["200 OK"] * count
    return took


def compare_wsgi(rounds: int, count: int) -> None:
    handled: list[DeliveryReport] = []
    applications = {
        "bare WSGI": _bare_wsgi,
        "smsworks-async": Webhooks(on_report=handled.append, secrets=SECRET).wsgi(),
    }
    cpu: dict[str, list[float]] = {name: [] for name in applications}
    for number in range(rounds + 1):
        for name, application in applications.items():
            cpu[name].append(wsgi_turn(application, 10**17 + number * count, count))
    assert len(handled) == (rounds + 1) * count, "reports were lost, or handled twice"
    for name, taken in cpu.items():
        each = statistics.median(taken[1:]) / count * 1e6
        print(f"{name:<14} {each:25.1f} us of CPU per report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=10_000, help="reports in a turn")
    parser.add_argument("--connections", type=int, default=50)
    options = parser.parse_args()
    theirs, mine = [], []
    with serving(_serve, "bare") as bare, serving(_serve, "ours") as ours:
        for number in range(options.rounds + 1):
            for port, taken in ((bare, theirs), (ours, mine)):
                first = 10**17 + number * options.count
                taken.append(asyncio.run(turn(port, first, options.count, options.connections)))
    # The first turn of each warms up.
    theirs, mine = theirs[1:], mine[1:]
    ratios = [m[1] / t[1] for m, t in zip(mine, theirs, strict=True)]
    for name, taken in (("bare aiohttp", theirs), ("smsworks-async", mine)):
        rate = options.count / statistics.median(took for took, _ in taken)
        cpu = statistics.median(cpu for _, cpu in taken) / options.count * 1e6
        print(f"{name:<14} {rate:7.0f} reports/s {cpu:7.1f} us of CPU per report")
    print(
        f"ratio          {statistics.median(ratios):7.2f}  "
        f"(of {options.rounds} pairs: {min(ratios):.2f} to {max(ratios):.2f})"
    )
    compare_wsgi(options.rounds, options.count)


if __name__ == "__main__":
    main()
