"""A minimal server in a separate process, fast enough not to be the bottleneck.

The response depends only on the path, and has the format of the provider with that path.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from processors import servers_own


SENT = b'{"messageid":"128032521395903584","status":"SENT","credits":9999,"creditsUsed":1}'
BATCH = b'{"batchid":"2586749","status":"SCHEDULED"}'
TWILIO = json.dumps(
    {
        "sid": "SM00000000000000000000000000000000",
        "account_sid": "AC00000000000000000000000000000000",
        "body": "Hello",
        "from": "AcmeCorp",
        "to": "+447700900123",
        "status": "queued",
        "num_segments": "1",
        "num_media": "0",
        "date_created": "Thu, 01 May 2031 09:00:00 +0000",
        "date_updated": "Thu, 01 May 2031 09:00:00 +0000",
        "direction": "outbound-api",
        "api_version": "2010-04-01",
        "uri": "/2010-04-01/Accounts/AC0/Messages/SM0.json",
        "subresource_uris": {},
    }
).encode()
TELNYX = json.dumps(
    {
        "data": {
            "record_type": "message",
            "direction": "outbound",
            "id": "40385f64-5717-4562-b3fc-2c963f66afa6",
            "type": "SMS",
            "from": {"phone_number": "AcmeCorp"},
            "to": [{"phone_number": "+447700900123", "status": "queued"}],
            "text": "Hello",
            "parts": 1,
        }
    }
).encode()


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json;charset=UTF-8\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


_ANSWERS = {
    b"/v1/message": _answer(SENT),
    b"/v1/batch/s": _answer(BATCH),
    b"/v1/batch/a": _answer(BATCH),
    b"/2010-04-01": _answer(TWILIO),
    b"/v2/message": _answer(TELNYX),
}


class _Protocol(asyncio.Protocol):
    """Read requests by their Content-Length, and respond by the prefix of the path."""

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
            path = head.partition(b" ")[2]
            self.transport.write(_ANSWERS[path[:11]])


async def _serve(ready: Any) -> None:
    servers_own()
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@contextmanager
def serving(serve: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> Iterator[int]:
    """Run a server in a new process, and yield its port.

    Args:
        serve: a coroutine function, called with `args` and the connection on which to send the
            port.
        args: further arguments of ``serve``.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_main, args=(serve, *args, sender), daemon=True)
    process.start()
    sender.close()  # so that `recv` fails if the server does
    try:
        yield receiver.recv()
    finally:
        process.terminate()
        process.join()


def _main(serve: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
    asyncio.run(serve(*args))


@contextmanager
def server() -> Iterator[str]:
    """Run the server, and yield its URL without a path."""
    with serving(_serve) as port:
        yield f"http://127.0.0.1:{port}"
