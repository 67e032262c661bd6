"""The CPU of one awaited send, beside bare aiohttp doing the same POST.

Both take turns in one process against the same loopback server; what counts is the ratio of a pair
of neighbours, and of those ratios the median. Run it as ``python benchmarks/one_send.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp
from server import server

from smsworks_async import AsyncSMSWorks


WIRE = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}
MESSAGE = {**WIRE, "destination": "07700 900123"}
WARM_UP = 200


async def _cpu(send: Callable[[], Awaitable[object]], count: int) -> float:
    """Give the CPU seconds of so many sends in a row."""
    for _ in range(WARM_UP):
        await send()
    before = time.process_time()
    for _ in range(count):
        await send()
    return time.process_time() - before


async def bare(base_url: str, count: int) -> float:
    async with aiohttp.ClientSession(headers={"Authorization": "JWT eyJ"}) as session:

        async def send() -> str:
            async with session.post(f"{base_url}/message/send", json=WIRE) as response:
                return (await response.json())["messageid"]

        return await _cpu(send, count)


async def ours(base_url: str, count: int) -> float:
    async with AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        return await _cpu(lambda: sms.messages.send(**MESSAGE), count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=1000, help="sends in a round")
    options = parser.parse_args()
    pairs = []
    with server() as base_url:
        for _ in range(options.rounds):
            theirs = asyncio.run(bare(base_url, options.count))
            pairs.append((asyncio.run(ours(base_url, options.count)), theirs))
    ratios = [mine / theirs for mine, theirs in pairs]
    per_send = 1e6 / options.count
    print(f"bare aiohttp   {statistics.median(t for _, t in pairs) * per_send:7.0f} us of CPU")
    print(f"smsworks-async {statistics.median(m for m, _ in pairs) * per_send:7.0f} us of CPU")
    print(
        f"ratio          {statistics.median(ratios):7.2f}  "
        f"(of {options.rounds} pairs: {min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
