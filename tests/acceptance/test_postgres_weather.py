"""A campaign in PostgreSQL that three processes send while the server is in trouble.

Nobody is texted twice, and whoever is not texted is named: by the sandbox's own count.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from support import postgres
from support.cut_connections import cutting
from support.postgres import Databases, Server, connected, execute, fetch
from support.shares import NAME, SLOW, scene
from support.waiting import until


#: Seconds for which a server is away, and those for which a process bears that where it is to fail.
AWAY, PATIENCE = (3.0, 5.0) if SLOW else (0.3, 0.3)
#: How often a connection is cut, and how many deadlocks there are to be.
CUTS, DEADLOCKS = (60, 20) if SLOW else (8, 4)

pytestmark = pytest.mark.skipif(
    postgres.binaries() is None, reason="there is no PostgreSQL for this platform"
)


@pytest.fixture(scope="module")
def server():
    one = Server(max_connections="20")
    one.start()
    yield one
    one.remove()


@pytest.fixture
async def url(server):
    databases = Databases(server)
    made = await databases.create()
    yield made
    await databases.drop(made)


async def test_work_goes_on_where_the_server_was_killed_and_is_back(
    server, url, tmp_path, record_property
):
    async with scene(url, tmp_path) as campaign:
        await campaign.start()
        await campaign.hold(after=0.25)
        server.stop(signal.SIGKILL)
        campaign.release()
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(server.start)
        said = await campaign.said()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        record_property("figures", await campaign.account())


async def test_work_fails_where_the_server_is_killed_for_good_and_accounts_for_all_later(
    server, url, tmp_path, record_property
):
    async with scene(url, tmp_path) as campaign:
        await campaign.start(*[{"patience": PATIENCE}] * 3)
        await campaign.hold(after=0.5)
        server.stop(signal.SIGKILL)
        campaign.release()
        said = await campaign.said()
        await asyncio.to_thread(server.start)
        for one in said:
            assert one["error"] == "JournalError"
            assert "the server cannot be reached" in one["words"]
            assert one["retryable"]
        assert campaign.box.accepted() < len(campaign.people)
        record_property("figures", await campaign.account())


# Connections


@pytest.mark.parametrize("side", ["question", "answer"])
async def test_work_texts_all_where_connections_are_cut(url, tmp_path, record_property, side):
    """Before the server reads what a process wants, or after it has done and committed it."""
    chance = random.Random(20310502)
    cut = f"cut_at_{side}"

    async def keep_cutting(cutter):
        for cuts in range(CUTS):
            getattr(cutter, cut)(chance.randint(20, 40))
            await until(lambda cuts=cuts: cutter.cuts > cuts)

    async with scene(url, tmp_path) as campaign, cutting(url) as cutter:
        hacking = asyncio.create_task(keep_cutting(cutter))
        await campaign.start(*[{"journal": cutter.url}] * 3)
        said = await campaign.said()
        hacking.cancel()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        record_property("figures", f"{cutter.cuts} cuts; {await campaign.account()}")


@pytest.fixture
async def role(server, url):
    """A role that is no superuser, which has the last connections for itself."""
    name = f"crowd_{os.getpid()}"
    await execute(
        url,
        f"CREATE ROLE {name} LOGIN",
        f"GRANT ALL ON SCHEMA smsworks TO {name}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA smsworks TO {name}",
    )
    yield name
    await execute(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@asynccontextmanager
async def all_connections(url, role):
    """Take each connection of the server that its superusers leave, also those of others."""
    taken = []
    end = "SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity "
    end += f"WHERE usename = '{role}'"
    async with connected(url) as superuser:
        others = await superuser.fetch(end)
        assert others
        while True:
            try:
                taken.append(await asyncpg.connect(_as(url, role)))
            except asyncpg.TooManyConnectionsError as error:
                assert "reserved" in str(error) or "too many clients" in str(error)
                break
    try:
        yield
    finally:
        for one in taken:
            one.terminate()


def _as(url, role):
    return url.replace("postgres@", f"{role}@", 1)


async def test_work_goes_on_where_max_connections_was_reached(url, role, tmp_path, record_property):
    async with scene(url, tmp_path) as campaign:
        await campaign.start(*[{"journal": _as(url, role)}] * 3)
        await campaign.hold(after=0.25)
        async with all_connections(url, role):
            campaign.release()
            await asyncio.sleep(AWAY)
        said = await campaign.said()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        record_property("figures", await campaign.account())


async def test_work_fails_where_max_connections_stays_reached(url, role, tmp_path, record_property):
    async with scene(url, tmp_path) as campaign:
        await campaign.start(*[{"journal": _as(url, role), "patience": PATIENCE}] * 3)
        await campaign.hold(after=0.5)
        async with all_connections(url, role):
            campaign.release()
            said = await campaign.said()
        for one in said:
            assert one["error"] == "JournalError"
            assert "takes no more connections" in one["words"]
            assert one["retryable"]
        record_property("figures", await campaign.account())


# Locks


async def test_work_goes_on_after_deadlocks(url, tmp_path, record_property):
    name = urlsplit(url).path.removeprefix("/")

    async def deadlocks():
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1"
        async with connected(url) as one:
            return await one.fetchval(query, name)

    async def get_in_the_way(campaign):
        async with connected(url) as other:
            # Whoever waits for a lock for that long looks for a deadlock, and gives up.
            await other.execute("SET deadlock_timeout = '2s'")
            while campaign.is_running and await deadlocks() < DEADLOCKS:
                async with other.transaction():
                    await other.execute("LOCK TABLE smsworks.event IN SHARE MODE")
                    await asyncio.sleep(0.03)
                    await other.execute("LOCK TABLE smsworks.chunk IN EXCLUSIVE MODE")

    async with scene(url, tmp_path) as campaign:
        await campaign.start()
        await get_in_the_way(campaign)
        said = await campaign.said()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        count = await deadlocks()
        assert count >= 2
        record_property("figures", f"{count} deadlocks; {await campaign.account()}")
