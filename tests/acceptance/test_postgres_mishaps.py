"""A campaign in PostgreSQL that three processes send while they interfere with each other.

By the sandbox's count, nobody is texted twice, and the report names all who are not texted.
"""

from __future__ import annotations

import asyncio
import random
from urllib.parse import urlsplit

import pytest

from support.campaigns.workers import set_ahead
from support.cut_connections import cutting
from support.postgres import connected, fetch
from support.shares import CHUNK, CHUNKS, NAME, SLOW, scene
from support.waiting import until


#: The number of cut connections, and of deadlocks.
CUTS, DEADLOCKS = (60, 20) if SLOW else (20, 4)


# Connections


@pytest.mark.parametrize("side", ["question", "answer"])
async def test_work_texts_all_where_connections_are_cut(
    postgres_url, tmp_path, record_property, side
):
    """Before the server reads a statement, or after it has committed it."""
    chance = random.Random(20310502)
    cut = f"cut_at_{side}"

    async def keep_cutting(cutter):
        for cuts in range(CUTS):
            getattr(cutter, cut)(chance.randint(8, 30))
            await until(lambda cuts=cuts: cutter.cuts > cuts)

    async with scene(postgres_url, tmp_path) as campaign, cutting(postgres_url) as cutter:
        hacking = asyncio.create_task(keep_cutting(cutter))
        await campaign.start(*[{"journal": cutter.url}] * 3)
        said = await campaign.said()
        hacking.cancel()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        record_property("figures", f"{cutter.cuts} cuts; {await campaign.account()}")


# Locks


async def test_work_goes_on_after_deadlocks(postgres_url, tmp_path, record_property):
    name = urlsplit(postgres_url).path.removeprefix("/")

    async def deadlocks():
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1"
        async with connected(postgres_url) as one:
            return await one.fetchval(query, name)

    async def get_in_the_way(campaign):
        async with connected(postgres_url) as other:
            # A session that waits for a lock for that long checks for a deadlock, and is aborted.
            await other.execute("SET deadlock_timeout = '2s'")
            while campaign.is_running and await deadlocks() < DEADLOCKS:
                async with other.transaction():
                    await other.execute("LOCK TABLE smsworks.event IN SHARE MODE")
                    await asyncio.sleep(0.03)
                    await other.execute("LOCK TABLE smsworks.chunk IN EXCLUSIVE MODE")

    async with scene(postgres_url, tmp_path) as campaign:
        await campaign.start()
        await get_in_the_way(campaign)
        said = await campaign.said()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        count = await deadlocks()
        assert count >= 2
        record_property("figures", f"{count} deadlocks; {await campaign.account()}")


# Clocks and owners


#: The initial and the later lead of one process's clock.
CLOCKS = [(-3600, -3600), (0, -3600), *([(3600, 3600), (0, 3600)] if SLOW else [])]
LEASES = (
    "SELECT extract(epoch FROM clock_timestamp())::float8, lease, owner FROM smsworks.chunk "
    "WHERE state = 'sending'"
)


@pytest.mark.parametrize(("before", "then"), CLOCKS)
async def test_work_keeps_its_leases_where_the_clock_of_one_process_is_wrong(
    postgres_url, tmp_path, record_property, before, then
):
    """The clock is behind or ahead, or is set back or forward meanwhile."""
    ahead = tmp_path / "ahead"
    set_ahead(ahead, before)
    async with scene(postgres_url, tmp_path) as campaign:
        await campaign.start({"ahead": str(ahead)}, {}, {})
        for after in (0.25, 0.25):
            assert await campaign.hold(after)
            leases = await fetch(postgres_url, LEASES)
            assert len({owner.split(":")[1] for _, _, owner in leases}) == 3, "all are sending"
            assert all(0 < end - now < 60 for now, end, _ in leases)
            set_ahead(ahead, then)
            # Requests in flight do not count as lost.
            async with campaign.client() as sms:
                assert (await sms.bulk.reconcile(NAME, settle=0)).adds_up
            campaign.release()
        said = await campaign.said()
        assert [one["error"] for one in said] == [None] * 3
        assert campaign.box.accepted() == len(campaign.people)
        happened = await fetch(postgres_url, "SELECT DISTINCT what FROM smsworks.event")
        # A claim by the old time is at most returned before it is sent.
        assert {what for (what,) in happened} <= {"planned", "started", "accepted", "not sent"}
        record_property("figures", await campaign.account())


@pytest.mark.parametrize("differ", ["text", "recipients"])
async def test_plan_by_two_owners_of_one_name_keeps_one_of_them(postgres_url, tmp_path, differ):
    """Two processes plan different campaigns under one name at the same time."""
    async with scene(postgres_url, tmp_path) as campaign:
        half = CHUNKS * CHUNK // 2
        people = campaign.people if differ == "text" else campaign.people[:half]
        mine = {"sender": "AcmeCorp", "content": "Mine", "destinations": people}
        theirs = {**mine, "content": "Theirs"}
        if differ == "recipients":
            # The lists differ only after the part that is planned first.
            theirs = {**mine, "destinations": people[: half - 3] + campaign.people[half:]}
        plans, seen = (mine, theirs), 0
        for turn in range(5 if SLOW else 3):
            name = f"shared-{turn}"
            await campaign.start(
                *({"plan": {**plan, "chunk_size": 1}, "campaign": name} for plan in plans)
            )
            said = await campaign.said()
            errors = [one["error"] for one in said]
            assert sorted(errors, key=str) == [None, "ValidationError"], said
            kept = plans[errors.index(None)]
            await campaign.start(*[{"campaign": name}] * 3)
            assert [one["error"] for one in await campaign.said()] == [None] * 3
            messages = campaign.box.messages[seen:]
            seen += len(messages)
            texted = [(one.content, one.destination) for one in messages]
            assert sorted(texted) == [(kept["content"], one) for one in kept["destinations"]]
