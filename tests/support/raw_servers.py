"""Servers with hand-written HTTP, which can send responses that no real server would."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from support.waiting import PATIENCE


@asynccontextmanager
async def serving(handle):
    """Serve with a function of reader and writer; yield the base URL, and shut down cleanly."""
    tasks = set()

    async def guarded(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has disconnected
        finally:
            writer.close()

    async with await asyncio.start_server(guarded, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    await asyncio.wait(tasks, timeout=PATIENCE)


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, after = head.lower().partition(b"content-length: ")
    await reader.readexactly(int(after.partition(b"\r\n")[0] or 0))


def answer(body):
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
