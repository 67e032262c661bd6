"""A campaign in PostgreSQL that three processes send while the server is in trouble.

By the sandbox's count, nobody is texted twice, and the report names all who are not texted.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from support import postgres
from support.postgres import Databases, Server, connected, execute
from support.shares import SLOW, scene


#: The seconds of an outage, and the time-out of a process that should fail.
AWAY, PATIENCE = (3.0, 5.0) if SLOW else (0.3, 0.3)
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
        assert await campaign.hold(after=0.25)
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
        assert await campaign.hold(after=0.5)
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


@pytest.fixture
async def role(server, url):
    """A role that is not a superuser, for which the last connections are reserved."""
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
    """Take all connections of the server except those reserved for superusers."""
    taken = []
    query = (
        "SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity "
        "WHERE usename = $1 AND pid != ALL ($2)"
    )
    async with connected(url) as superuser:  # also a connection, which is kept until the end
        while await superuser.fetch(query, role, [one.get_server_pid() for one in taken]):
            with suppress(asyncpg.TooManyConnectionsError):
                while True:
                    taken.append(await asyncpg.connect(_as(url, role)))
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
        assert await campaign.hold(after=0.25)
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
        assert await campaign.hold(after=0.5)
        async with all_connections(url, role):
            campaign.release()
            said = await campaign.said()
        for one in said:
            assert one["error"] == "JournalError"
            assert "accepts no more connections" in one["words"]
            assert one["retryable"]
        record_property("figures", await campaign.account())


# The disk


@pytest.fixture
def small_disk():
    """A separate file system, which root can mount."""
    folder = postgres.scratch_folder()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=48m", "smsworks-tests", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
        shutil.rmtree(folder)
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
async def url_on_small_disk(server, url, small_disk):
    """The URL of a database on a separate disk."""
    nobody = postgres.as_nobody()
    os.chown(small_disk, nobody["user"], nobody["group"])
    name = urlsplit(url).path.removeprefix("/")
    await execute(
        server.url(),
        f"CREATE TABLESPACE small LOCATION '{small_disk}'",
        f"ALTER DATABASE {name} SET TABLESPACE small",
    )
    yield url
    await execute(
        server.url(),
        f"ALTER DATABASE {name} SET TABLESPACE pg_default",
        "DROP TABLESPACE small",
    )


def fill(folder):
    """Fill a disk; return the file."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(2**12))
    return filler


async def test_work_fails_where_the_disk_is_full_and_goes_on_when_there_is_room(
    url_on_small_disk, small_disk, tmp_path, record_property
):
    url = url_on_small_disk
    async with scene(url, tmp_path) as campaign:
        await campaign.start()
        assert await campaign.hold(after=0.25)
        filler = fill(small_disk)
        campaign.release()
        said = await campaign.said()
        assert campaign.box.accepted() < len(campaign.people)
        filler.unlink()
        for one in said:
            assert one["error"] == "JournalError"
            assert "disk or memory is full" in one["words"]
            assert one["retryable"]
        record_property("figures", await campaign.account())
