"""The sandbox beside a bare aiohttp.web handler, and beside Prism: what one send costs a server.

Each server is a process of its own and answers the same POST, over connections that are kept, in
turns (A B C A B C …). CPU is that of the server's process, as Linux counts it; a ratio is the
median of the turns' ratios. Prism (npm install @stoplight/prism-cli) is left out unless its command
is given.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


CONNECTIONS = 8
BODY = json.dumps(
    {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello from the benchmark"}
).encode()
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
#: The operation as the provider's document has it, as far as the request needs it.
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
    """A server's process, and where it listens."""

    def __init__(self, process: subprocess.Popen[str], port: int, path: str) -> None:
        self.process = process
        self.port = port
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: JWT eyJ\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        ).encode()

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has used, all its threads included."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


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
    """Run Prism on the one operation."""
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
                    raise SystemExit("Prism has ended")
            port = int(line.rsplit(":", 1)[1].split()[0].rstrip("/").split("\x1b")[0])
            drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
            yield Server(process, port, "/message/send")
            drain.kill()
            drain.wait()
        finally:
            process.kill()
            process.wait()


async def post(server: Server, count: int) -> None:
    """Post so many times over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for _ in range(count):
        writer.write(server.head + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status not in {200, 201}:
            raise SystemExit(f"the answer is {status}")
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        else:
            await reader.readuntil(b"0\r\n\r\n")
    writer.close()


async def turn(server: Server, count: int) -> tuple[float, float]:
    """Return the seconds of CPU and of the clock that each of `count` requests took."""
    cpu, start = server.cpu(), time.perf_counter()
    each = count // CONNECTIONS
    await asyncio.gather(*(post(server, each) for _ in range(CONNECTIONS)))
    total = each * CONNECTIONS
    return (server.cpu() - cpu) / total, (time.perf_counter() - start) / total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1600, help="in each turn (%(default)s)")
    parser.add_argument("--prism", metavar="FILE", help="the script of Prism's command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every turn")
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = {
            "a bare handler": stack.enter_context(python(BARE.format(answer=ANSWER))),
            "the sandbox": stack.enter_context(python(SANDBOX)),
        }
        if options.prism:
            servers["Prism"] = stack.enter_context(prism(options.prism))
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for server in servers.values():
            asyncio.run(turn(server, options.requests))
        for _ in range(options.turns):
            for name, server in servers.items():
                turns[name].append(asyncio.run(turn(server, options.requests)))
    for name, found in turns.items():
        cpu = statistics.median(one for one, _ in found)
        rate = 1 / statistics.median(one for _, one in found)
        print(f"{name:16}{cpu * 1e6:10.1f} us CPU a request {rate:10.0f} requests a second")
    pairs = list(zip(turns["the sandbox"], turns["a bare handler"], strict=True))
    print(f"CPU of the sandbox / a bare handler: {ratio((a[0], b[0]) for a, b in pairs):.2f}")
    if options.prism:
        both = zip(turns["Prism"], turns["the sandbox"], strict=True)
        print(
            f"requests a second of the sandbox / Prism: {ratio((a[1], b[1]) for a, b in both):.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(turns), "utf-8")


def ratio(pairs: Iterator[tuple[float, float]]) -> float:
    """Return the median of the ratios of some pairs."""
    return statistics.median(one / other for one, other in pairs)


if __name__ == "__main__":
    main()
