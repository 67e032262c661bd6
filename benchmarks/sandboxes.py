"""A server's cost of one send: the sandbox, a bare aiohttp.web handler, and Prism.

Each server is a separate process. They take turns (A B C A B C …) at answering the same POST over
persistent connections. CPU is that of the server's process, from Linux's accounting; a ratio is the
median of the turns' ratios. Prism (npm install @stoplight/prism-cli) is only run if its command is
given.

The client writes ready bytes, so that its own work limits no server; --client aiohttp is the client
of an application, which costs more than the sandbox.

By default, the servers have answered as many requests before the first turn. With --fresh, they are
started anew for each turn, as in a test; Node has then not compiled its code yet.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import aiohttp
import attrs


CONNECTIONS = 8
#: A request as aiohttp's client writes it, without its first line.
HEAD = (
    "Host: 127.0.0.1\r\nAuthorization: JWT eyJ\r\nContent-Type: application/json\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate\r\nUser-Agent: Python/3 aiohttp/3\r\nContent-Length: {length}"
)
BODY = json.dumps(
    {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello from the benchmark"}
).encode()
HEADERS = {"Authorization": "JWT eyJ", "Content-Type": "application/json"}
ANSWER = {"messageid": "128032521395903584", "status": "SENT", "credits": 9999, "creditsUsed": 1}

BARE = """
import json
from aiohttp import web

async def send(request):
    await request.json()
    return web.json_response({answer}, status=201)

async def main():
    app = web.Application()
    app.router.add_post("/v1/message/send", send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await __import__("asyncio").Event().wait()

__import__("asyncio").run(main())
"""
SANDBOX = """
import asyncio
from smsworks_async.sandbox import Sandbox

async def main():
    async with Sandbox(token="JWT eyJ", flooding=False, credits=1e9) as box:
        print(box.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
#: The part of the provider's OpenAPI document that the request needs.
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "One operation", "version": "1"},
    "servers": [{"url": "http://127.0.0.1/v1"}],
    "security": [{"JWT": []}],
    "components": {
        "securitySchemes": {"JWT": {"type": "apiKey", "name": "Authorization", "in": "header"}}
    },
    "paths": {
        "/message/send": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["sender", "destination", "content"],
                                "properties": {
                                    "sender": {"type": "string"},
                                    "destination": {"type": "string"},
                                    "content": {"type": "string"},
                                    "tag": {"type": "string"},
                                    "ttl": {"type": "number"},
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "201": {
                        "description": "Sent",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "messageid": {"type": "string"},
                                        "status": {"type": "string"},
                                        "credits": {"type": "number"},
                                        "creditsUsed": {"type": "number"},
                                    },
                                    "example": ANSWER,
                                }
                            }
                        },
                    }
                },
            }
        }
    },
}


class Server:
    """A server's process, port and path."""

    def __init__(self, process: subprocess.Popen[str], port: int, path: str) -> None:
        self.process = process
        self.port = port
        self.path = path

    def cpu(self) -> float:
        """Return the CPU seconds that all threads of the process have used."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


#: A function that makes a number of posts.
Post = Callable[[Server, int], Awaitable[None]]
#: A function that starts a server, which runs until the context manager exits.
Start = Callable[[], AbstractContextManager[Server]]


@attrs.frozen
class Turn:
    """Seconds per request: CPU of the server, CPU of server and client, and elapsed time."""

    server: float
    both: float
    wall: float


@contextmanager
def python(program: str) -> Iterator[Server]:
    """Run a Python program that prints its port."""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process, int(process.stdout.readline()), "/v1/message/send")
    finally:
        process.kill()
        process.wait()


@contextmanager
def prism(command: str) -> Iterator[Server]:
    """Run Prism with the one operation."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(DOCUMENT), "utf-8")
        process = subprocess.Popen(
            ["node", command, "mock", "--port", "0", "--multiprocess", "false", str(document)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = ""
            while "listening on" not in line:
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("Prism ended before it listened")
            port = int(line.rsplit(":", 1)[1].split()[0].rstrip("/").split("\x1b")[0])
            drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
            yield Server(process, port, "/message/send")
            drain.kill()
            drain.wait()
        finally:
            process.kill()
            process.wait()


class Connection(asyncio.Protocol):
    """A connection that writes ready requests one after another, and checks the answers."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, count: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self.request = request
        self.left = count
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().split(b"content-length: ")[1].split()[0]):
            return
        self.received = b""
        if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
            self.done.set_exception(SystemExit(f"the server responded with {head!r}"))
        self.left -= 1
        if self.left:
            self.transport.write(self.request)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.left and not self.done.done():
            self.done.set_exception(SystemExit(f"the server closed the connection: {exc}"))
        elif not self.done.done():
            self.done.set_result(None)


async def post_bytes(server: Server, count: int) -> None:
    """Make posts over several connections with as little work as possible."""
    head = HEAD.format(length=len(BODY))
    request = f"POST {server.path} HTTP/1.1\r\n{head}\r\n\r\n".encode() + BODY
    loop = asyncio.get_running_loop()
    each = count // CONNECTIONS
    made = [
        await loop.create_connection(lambda: Connection(request, each), "127.0.0.1", server.port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(connection.done for _, connection in made))


async def post_with_aiohttp(server: Server, count: int) -> None:
    """Make posts over several connections with aiohttp's client."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    url = f"http://127.0.0.1:{server.port}{server.path}"
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def post() -> None:
            for _ in range(count // CONNECTIONS):
                async with session.post(url, data=BODY) as response:
                    await response.read()
                    if response.status not in {200, 201}:
                        raise SystemExit(f"{url} responded with {response.status}")

        await asyncio.gather(*(post() for _ in range(CONNECTIONS)))


#: The clients, by the names that the option `--client` has.
CLIENTS = {"aiohttp": post_with_aiohttp, "bytes": post_bytes}


async def turn(server: Server, post: Post, count: int) -> Turn:
    """Make posts, and return the cost of one."""
    cpu, own, start = server.cpu(), time.process_time(), time.perf_counter()
    await post(server, count)
    wall, own, cpu = time.perf_counter() - start, time.process_time() - own, server.cpu() - cpu
    return Turn(cpu / count, (cpu + own) / count, wall / count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument(
        "--requests", type=int, default=1600, help="requests in each turn (default %(default)s)"
    )
    parser.add_argument(
        "--client", choices=CLIENTS, default="bytes", help="the client (default %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="start each server anew for each turn")
    parser.add_argument("--prism", metavar="FILE", help="the path of Prism's script")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all turns to this file")
    options = parser.parse_args()
    servers: dict[str, Start] = {
        "a bare handler": lambda: python(BARE.format(answer=ANSWER)),
        "the sandbox": lambda: python(SANDBOX),
    }
    if options.prism:
        servers["Prism"] = lambda: prism(options.prism)
    take = take_fresh if options.fresh else take_warm
    requests = options.requests // CONNECTIONS * CONNECTIONS
    turns = take(servers, CLIENTS[options.client], options.turns, requests)
    for name, found in turns.items():
        print(
            f"{name:15} CPU per request: {middle(found, 'server') * 1e6:6.1f} us, with its client "
            f"{middle(found, 'both') * 1e6:6.1f} us; {1 / middle(found, 'wall'):7.0f} per second"
        )
    box, bare = turns["the sandbox"], turns["a bare handler"]
    print(f"CPU of the sandbox / of a bare handler: {ratio(box, bare, 'server'):.2f}")
    print(f"the same, including the client: {ratio(box, bare, 'both'):.2f}")
    if options.prism:
        found = turns["Prism"]
        print(f"CPU of Prism / of the sandbox: {ratio(found, box, 'server'):.2f}")
        print(f"requests per second of the sandbox / of Prism: {ratio(found, box, 'wall'):.2f}")
    if options.json:
        every = {name: [attrs.asdict(one) for one in found] for name, found in turns.items()}
        options.json.write_text(json.dumps(every), "utf-8")


def take_warm(
    servers: dict[str, Start], post: Post, count: int, requests: int
) -> dict[str, list[Turn]]:
    """Measure turns of servers that run until all turns are measured."""
    with ExitStack() as stack:
        started = {name: stack.enter_context(start()) for name, start in servers.items()}
        for server in started.values():
            asyncio.run(turn(server, post, requests))
        turns: dict[str, list[Turn]] = {name: [] for name in servers}
        for _ in range(count):
            for name, server in started.items():
                turns[name].append(asyncio.run(turn(server, post, requests)))
    return turns


def take_fresh(
    servers: dict[str, Start], post: Post, count: int, requests: int
) -> dict[str, list[Turn]]:
    """Measure turns of servers that are started anew for each turn."""
    turns: dict[str, list[Turn]] = {name: [] for name in servers}
    for _ in range(count):
        for name, start in servers.items():
            with start() as server:
                turns[name].append(asyncio.run(turn(server, post, requests)))
    return turns


def middle(turns: list[Turn], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(one, name) for one in turns)


def ratio(turns: list[Turn], others: list[Turn], name: str) -> float:
    """Return the median of the ratios of neighbouring turns."""
    pairs = zip(turns, others, strict=True)
    return statistics.median(getattr(a, name) / getattr(b, name) for a, b in pairs)


if __name__ == "__main__":
    main()
