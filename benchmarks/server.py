"""A server that costs next to nothing, in a process of its own, so that it never is the limit."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


SENT = b'{"messageid":"128032521395903584","status":"SENT","credits":9999,"creditsUsed":1}'
BATCH = b'{"batchid":"2586749","status":"SCHEDULED"}'


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json;charset=UTF-8\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class _Protocol(asyncio.Protocol):
    """Reads requests by their Content-Length, and answers each as its path wants."""

    answers = (_answer(SENT), _answer(BATCH))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            _, _, after = head.lower().partition(b"content-length: ")
            length = int(after.partition(b"\r\n")[0] or 0)
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(self.answers[b"/batch" in head[:40]])


async def _serve(ready: Any) -> None:
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", 0)
    ready.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _main(ready: Any) -> None:
    asyncio.run(_serve(ready))


@contextmanager
def server() -> Iterator[str]:
    """Run the server, and give its base URL."""
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=_main, args=(ready,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ready.get()}/v1"
    finally:
        process.terminate()
        process.join()
