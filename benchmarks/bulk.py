"""A million recipients in bulk: beside a bare loop that only chunks and posts, and with a journal.

Each contender runs in a process of its own, in turns, against the same loopback server. What counts
is the CPU as a ratio to its neighbour's, and of those ratios the median. Run it as
``python benchmarks/bulk.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import aiohttp
from server import server

from smsworks_async import AsyncSMSWorks


TEXT = {"sender": "AcmeCorp", "content": "Hello"}
CONCURRENCY = 8


def numbers(count):
    return (f"447{n:09d}" for n in range(count))


async def bare(base_url, count, _):
    source = numbers(count)

    async with aiohttp.ClientSession(headers={"Authorization": "JWT eyJ"}) as session:

        async def post():
            while chunk := list(islice(source, 500)):
                document = {**TEXT, "destinations": chunk}
                async with session.post(f"{base_url}/batch/send", json=document) as response:
                    (await response.json())["batchid"]

        await asyncio.gather(*(post() for _ in range(CONCURRENCY)))


async def ours(base_url, count, _, **options):
    async with AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        report = await sms.bulk.send(
            **TEXT, destinations=numbers(count), concurrency=CONCURRENCY, **options
        )
    assert report.accepted == count, report


async def flat(base_url, count, folder):
    await ours(base_url, count, folder, deduplicate=False)


async def journal(base_url, count, folder):
    path = Path(folder) / "journal.db"
    await ours(base_url, count, folder, journal=path, campaign="bench")


CONTENDERS = {"bare": bare, "ours": ours, "flat": flat, "journal": journal}


def run(name, base_url, count):
    """Be one contender, and say what it took; imports are not counted, and are the same for all."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = time.process_time(), time.perf_counter()
        asyncio.run(CONTENDERS[name](base_url, count, folder))
        cpu, wall = time.process_time() - before, time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak, "file": size}))


def in_turns(base_url, count, rounds):
    taken = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--as", name, base_url, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            taken[name].append(json.loads(done.stdout))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--as", nargs=3, dest="contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, base_url, count = options.contender
        run(name, base_url, int(count))
        return
    with server() as base_url:
        taken = in_turns(base_url, options.count, options.rounds)
    print(f"{options.count} recipients, medians of {options.rounds} rounds in turns")
    for name, runs in taken.items():
        median = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        print(
            f"{name:8} {median['cpu']:6.2f} s CPU {median['wall']:6.2f} s "
            f"{median['peak'] / 2**20:6.0f} MiB peak {median['file'] / 2**20:6.1f} MiB file"
        )
    for a, b in (("ours", "bare"), ("flat", "bare"), ("journal", "ours")):
        ratios = [x["cpu"] / y["cpu"] for x, y in zip(taken[a], taken[b], strict=True)]
        print(
            f"CPU of {a} to {b}: {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
