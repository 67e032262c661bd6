"""The memory of a sandbox stays flat while it gets many messages and posts their reports.

200,000 messages with 20,000 reports take minutes, and are sent only with ``SMSWORKS_TEST_SLOW=1``;
otherwise there are fewer, and the sandbox keeps fewer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.processes import environment
from support.waiting import PATIENCE, until
from support.webhook_receiver import receiver


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
#: The numbers in each quarter: single messages, each with a report, and batches of 500.
SINGLES, BATCHES = (5_000, 90) if SLOW else (300, 8)
KEEP = {} if SLOW else {"keep_messages": 1_000, "keep_requests": 200, "keep_posts": 200}
PROGRAM = f"""
import asyncio
from smsworks_async.sandbox import Sandbox

async def main():
    async with Sandbox(
        token="JWT eyJ", flooding=False, credits=1e9, delivery_delay=0.05, **{KEEP!r}
    ) as box:
        print(box.root_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
TEXT = {"sender": "AcmeCorp", "content": "Your table is booked for 8"}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which only Linux has"
)


@asynccontextmanager
async def sandbox() -> AsyncIterator[tuple[str, int]]:
    """Run a sandbox in a separate process, and yield its URL and process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip(), process.pid
    finally:
        process.kill()
        await process.wait()


def memory(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def post(session: aiohttp.ClientSession, url: str, body: object) -> None:
    async with session.post(url, json=body) as response:
        assert response.status == 201, await response.text()


async def quarter(session: aiohttp.ClientSession, url: str, hook: str) -> None:
    """Send a quarter of the messages, several at the same time."""
    numbers = [f"447700900{n % 1000:03}" for n in range(500)]

    async def singles(first: int) -> None:
        for n in range(first, SINGLES, 8):
            body = {**TEXT, "destination": f"447700900{n % 1000:03}", "deliveryreporturl": hook}
            await post(session, f"{url}/v1/message/send", body)

    await asyncio.gather(*map(singles, range(8)))
    for n in range(BATCHES):
        body = {**TEXT, "content": f"Sale {n}", "destinations": numbers}
        await post(session, f"{url}/v1/batch/send", body)


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        assert response.status == 200
        return await response.json()


async def listen(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(f"{url}/sandbox/events") as response:
        async for _ in response.content:
            pass


async def test_a_soak_keeps_memory_flat_and_counts_everything(record_property):
    sent = 4 * (SINGLES + 500 * BATCHES)
    headers = {"Authorization": "JWT eyJ"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE * 3)
    async with (
        receiver(keep=False) as hook,
        sandbox() as (url, pid),
        aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
    ):
        listener = asyncio.ensure_future(listen(session, url))
        _, deaf = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        deaf.write(b"GET /sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sizes = []
        for n in range(1, 5):
            await quarter(session, url, hook.url)
            await until(lambda n=n: hook.count >= n * SINGLES)
            sizes.append(memory(pid))
        begun = time.perf_counter()
        listed = await get(session, f"{url}/sandbox/messages")
        opened = time.perf_counter() - begun
        begun = time.perf_counter()
        found = await get(session, f"{url}/sandbox/messages?q=sale+7&direction=sent")
        searched = time.perf_counter() - begun
        state = await get(session, f"{url}/sandbox/state")
        account = await get(session, f"{url}/sandbox/account")
        listener.cancel()
        deaf.close()
    record_property(
        "figures",
        f"{sent:,} messages and {hook.count:,} reports: "
        f"{', '.join(f'{size:.0f}' for size in sizes)} MiB after each quarter; "
        f"the list in {opened * 1000:.0f} ms, a search in {searched * 1000:.0f} ms",
    )
    assert state["accepted"] == sent
    assert state["requests"]["POST /message/send"] == 4 * SINGLES
    assert hook.count == account["counts"]["webhooks"] == 4 * SINGLES
    assert listed["matching"] < sent / 2
    assert found["matching"] > 0
    assert sizes[3] < sizes[1] * 1.15 + 2
