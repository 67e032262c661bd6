"""A million recipients through a journal's file: `nox -s slow` runs it."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import cycle, islice

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.journals import SQLiteJournal
from support.clock import FakeClock, use_clock
from support.messages import TEXT_TO_MANY
from support.sandboxes import AT_ONCE


pytestmark = pytest.mark.slow

CHUNK = 500
PEOPLE = [f"447700900{n:03d}" for n in range(1000)]
MIB = 1 << 20


class Counting:
    """A server that only counts recipients, and loses one response."""

    def __init__(self):
        self.posts = 0
        self.counts = Counter()

    async def batch(self, request):
        self.posts += 1
        document = await request.json()
        self.counts.update(document["destinations"])
        if self.posts == 7:
            request.transport.abort()
        return web.json_response({"batchid": str(self.posts), "status": "SCHEDULED"}, status=201)

    async def search(self, _):
        return web.json_response([])

    async def balance(self, _):
        return web.json_response({"credits": 1e9})

    def app(self):
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/v1/batch/send", self.batch)
        app.router.add_post("/v1/messages", self.search)
        app.router.add_get("/v1/credits/balance", self.balance)
        return app


async def run(path, count):
    """Run a campaign twice; return the peak memory use."""
    server = Counting()
    async with (
        TestServer(server.app()) as host,
        AsyncSMSWorks("eyJ", base_url=str(host.make_url("/v1")), retry=AT_ONCE) as sms,
    ):
        clock = FakeClock()
        use_clock(sms, clock)
        journal = SQLiteJournal(path, clock=clock)
        campaign = {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "deduplicate": False}
        tracemalloc.start()
        try:
            report = await sms.bulk.send(**campaign, destinations=islice(cycle(PEOPLE), count))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        again = await sms.bulk.send(**campaign)
        await journal.close()
    assert server.posts == count // CHUNK
    assert set(server.counts.values()) == {count // len(PEOPLE)}, "each as often as it was given"
    for one in (report, again):
        assert one.adds_up
        assert one.read == count
        assert (one.accepted, one.unknown) == (count - CHUNK, CHUNK)
        (doubted,) = [batch for batch in one.batches if batch.outcome is Outcome.UNKNOWN]
        assert len(doubted.destinations) == CHUNK
        assert len(one.batches) == count // CHUNK
    return most


async def test_a_million_recipients_are_accounted_for_and_memory_holds_their_chunks_alone(tmp_path):
    fewer = await run(tmp_path / "fewer.db", 100_000)
    more = await run(tmp_path / "more.db", 1_000_000)
    # Memory grows only by one record for each chunk of 500.
    assert (more - fewer) / (900_000 / CHUNK) < 1024
    assert more < 8 * MIB
