"""One journal file with many handles and processes: nothing is sent twice, lost or damaged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from smsworks_async.sandbox import Fault, Sandbox
from support.campaigns.workers import set_ahead
from support.processes import start_worker
from support.waiting import PATIENCE, until, when_held


CAMPAIGNS = ["first", "second"]
PEOPLE = [f"447700900{n:03d}" for n in range(200)]
#: The number of runs; `nox -s slow` sets more.
RUNS = int(os.environ.get("SMSWORKS_TEST_RUNS", "1"))


async def process(box, path, **order):
    given = {
        "path": str(path),
        "token": box.token,
        "base_url": box.base_url,
        "campaigns": CAMPAIGNS,
        "destinations": PEOPLE,
        "chunk_size": 5,
        "timeout": 1200,  # which makes a lease of 1501 seconds
        "ahead": str(path.with_name("ahead")),
        **order,
    }
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    return await start_worker("shared_journal", given, **pipes)


def is_left_alone(path, pid):
    """Return whether only one process is sending, and nothing else is pending."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        states = connection.execute("SELECT state, owner FROM chunk").fetchall()
    return not any(
        state == "pending" or (state == "sending" and f":{pid}:" not in owner)
        for state, owner in states
    )


async def reports_of(started):
    said, errors = await started.stdout.read(), await started.stderr.read()
    assert await started.wait() == 0, errors.decode()
    return json.loads(said)


def damage(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall()


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("turn", range(RUNS))
async def test_processes_campaigns_and_second_handles_share_a_file(tmp_path, turn, killed):
    path = tmp_path / "campaigns.db"
    set_ahead(path, 0)
    # The first one has a request in flight while the others start and end.
    async with Sandbox(faults=[Fault(path="/batch/send", nth=12, when="hold")]) as box:
        held = []
        when_held(box, lambda: held.append(True))
        first = await process(box, path, what="run", second_handles=True)
        await until(lambda: held, first)
        # Others open and close the file meanwhile; each one assumes that it is the last to close
        # it.
        for _ in range(3):
            await reports_of(await process(box, path, what="look", times=2))
        others = [await process(box, path, what="run", second_handles=True) for _ in range(2)]
        await until(lambda: len(box.requests) >= 20, first)
        if killed:
            first.send_signal(signal.SIGKILL)
            await first.wait()
            # The others wait for its leases after they have nothing else to do.
            await until(lambda: is_left_alone(path, first.pid), *others)
            set_ahead(path, 2000)
        box.release()
        reports = [await reports_of(one) for one in (others if killed else [first, *others])]
        counts = Counter(box.accepted_by_destination())
    assert damage(path) == [("ok",)]
    assert set(counts) <= set(PEOPLE)
    assert max(counts.values()) == 2, "once for each campaign"
    for by_campaign in reports:
        for report in by_campaign.values():
            assert report["adds_up"]
            assert report["read"] == len(PEOPLE)
    last = reports[-1]
    doubted = Counter(number for report in last.values() for number in report["unknown"])
    assert not killed or doubted.total() <= 2 * 2 * 5, "no more than one process had under way"
    for number in PEOPLE:
        assert counts[number] + doubted[number] >= 2, "nobody is lost without being named"
    assert killed or not doubted
    assert sum(report["accepted"] for report in last.values()) == counts.total()
