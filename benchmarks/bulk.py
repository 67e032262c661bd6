"""Bulk runs with this package, in several configurations, and a bare loop."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
from itertools import islice
from pathlib import Path

from common import AUTH, TEXT


CONCURRENCY = 8  # requests in flight


def numbers(count):
    return (f"4477{n:08d}" for n in range(count))


def bare(url, count):
    import aiohttp

    async def run():
        source = numbers(count)
        async with aiohttp.ClientSession(headers=AUTH) as session:

            async def post():
                while chunk := list(islice(source, 500)):
                    document = {**TEXT, "destinations": chunk}
                    async with session.post(url + "/v1/batch/send", json=document) as response:
                        (await response.json())["batchid"]

            await asyncio.gather(*(post() for _ in range(CONCURRENCY)))

    yield
    asyncio.run(run())
    yield


def ours(url, count, **options):
    from smsworks_async import AsyncSMSWorks
    from smsworks_async.bulk.campaign import run as campaigns  # noqa: F401 - imported by all, since a journal needs it

    async def run():
        async with AsyncSMSWorks("eyJ", base_url=url + "/v1") as sms:
            report = await sms.bulk.send(
                **TEXT, destinations=numbers(count), concurrency=CONCURRENCY, **options
            )
        assert report.accepted == count, report

    yield
    asyncio.run(run())
    yield


def flat(url, count):
    yield from ours(url, count, deduplicate=False)


def journal(url, count):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        working = ours(url, count, journal=path, campaign="x")
        yield next(working)
        next(working)
        yield {"file": sum(part.stat().st_size for part in Path(folder).iterdir())}


def opt_outs(url, count):
    """With a journal, and an opt-out list of 100,000 numbers that are not in the campaign."""
    from smsworks_async.journals import SQLiteJournal
    from smsworks_async.optouts import OptOuts

    async def fill(path):
        opened = SQLiteJournal(path)
        numbers = "\n".join(f"4478{n:08d}" for n in range(100_000))
        listed = Path(path).with_name("opted-out.csv")
        listed.write_text(f"number\n{numbers}\n")
        await OptOuts(opened).import_file(listed)
        await opened.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        asyncio.run(fill(path))
        working = ours(url, count, journal=path, campaign="x")
        yield next(working)
        next(working)
        yield {}


def postgres(url, count):
    """With a journal in PostgreSQL, on a separate server whose CPU time is not counted."""
    from smsworks_async.journals import postgres  # noqa: F401 - otherwise imported during the run
    from support.postgres import Server

    server = Server()
    try:
        server.start()
        working = ours(url, count, journal=server.url(), campaign="x")
        yield next(working)
        next(working)
        yield {}
    finally:
        server.remove()


def has_postgres():
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    if importlib.util.find_spec("asyncpg") is None:
        return False
    from support.postgres import binaries

    return binaries() is not None


def runs():
    return {
        "bare loop": bare,
        "ours": ours,
        "no dedup": flat,
        "journal": journal,
        "opt-outs": opt_outs,
        **({"postgres": postgres} if has_postgres() else {}),
    }
