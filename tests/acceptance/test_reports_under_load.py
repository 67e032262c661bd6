"""Each report posted to two real processes at once: handled once, or again only after a kill."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from smsworks_async.webhooks.claim import LEASE
from support.report_load import SERVERS, Load


pytestmark = pytest.mark.skipif("not hasattr(os, 'killpg')", reason="no process groups here")


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


def ids(count):
    return [str(10**17 + number) for number in range(count)]


async def post_all(load, expected, at_a_time, pause):
    left = iter(expected)

    async def post():
        for message_id in left:
            await asyncio.gather(
                *[load.post_until_taken(process, message_id, pause) for process in load.processes]
            )

    await asyncio.gather(*[post() for _ in range(at_a_time)])


async def test_two_processes_handle_each_report_once(server, tmp_path):
    expected = ids(200)
    async with Load(server, tmp_path, REPORTS_MAX_WAIT="600") as load:
        await post_all(load, expected, 20, 0.0)
        assert load.answers == {200: 400}
        assert {len(groups) for groups in load.runs().values()} == {1}
        load.check(expected)


async def test_of_two_processes_that_are_killed_again_and_again_none_loses_a_report(
    server, tmp_path
):
    expected, moments = ids(300), random.Random(20310501)
    async with Load(server, tmp_path, REPORTS_MAX_WAIT="0") as load:

        async def kill():
            for number in range(6):
                await load.until_handled(20 + 20 * number)
                load.kill(moments.choice(load.processes))

        left = [(process, message_id) for message_id in expected for process in load.processes]

        async def post(posts):
            return [one for one in posts if not await load.post(*one)]

        killing = asyncio.create_task(kill())
        lists = await asyncio.gather(*[post(left[number::20]) for number in range(20)])
        left = [one for posts in lists for one in posts]
        await killing
        # Nothing is being handled now: remaining claims belong to killed processes.
        load.turn_clock(int(LEASE))
        for _ in range(50):
            left = await post(left)
        assert left == []
        load.check(expected)
        assert len(load.killed) == 6


@pytest.mark.slow
async def test_two_processes_handle_each_of_10_000_reports_once(server, tmp_path, record_property):
    expected = ids(10_000)
    async with Load(server, tmp_path) as load:
        began = time.monotonic()
        await post_all(load, expected, 100, 0.1)
        took = time.monotonic() - began
        record_property("figures", f"{took:.0f} s: {load.figures(expected)}")
        load.check(expected)
        assert {len(groups) for groups in load.runs().values()} == {1}


@pytest.mark.slow
async def test_10_000_reports_while_a_process_is_killed_every_second(
    server, tmp_path, record_property
):
    """200 reports per second, regardless of earlier ones, with real leases and waits."""
    expected, moments = ids(10_000), random.Random(20310501)
    async with Load(server, tmp_path) as load:

        async def kill():
            while True:
                await asyncio.sleep(1.0)
                load.kill(moments.choice(load.processes))

        began = time.monotonic()
        killing = asyncio.create_task(kill())
        posts = []
        for number, message_id in enumerate(expected):
            await asyncio.sleep(max(0.0, began + number / 200 - time.monotonic()))
            posts += [
                asyncio.create_task(load.post_until_taken(process, message_id, 1.0))
                for process in load.processes
            ]
        came = time.monotonic() - began
        killing.cancel()
        await asyncio.gather(*posts)
        took = time.monotonic() - began
        record_property(
            "figures",
            f"{came:.0f} s, and {took - came:.0f} s for the rest: {load.figures(expected)}",
        )
        load.check(expected)
