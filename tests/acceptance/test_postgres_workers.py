"""One campaign in PostgreSQL, sent by three processes, one of which is killed."""

from __future__ import annotations

import json
import os
import random
import signal

import pytest

from smsworks_async.sandbox import Fault, Sandbox
from support.campaigns.workers import CHUNK, CHUNKS, PEOPLE, order, set_ahead, worker
from support.postgres import fetch
from support.waiting import until


#: The number of runs; `nox -s slow` sets more.
RUNS = int(os.environ.get("SMSWORKS_TEST_RUNS", "1"))
_moments = random.Random(20310502)
KILLS = [
    (where, _moments.randint(1, CHUNKS // 5))
    for _ in range(RUNS)
    for where in ("after start", "before finish", "held after accepting")
]


async def is_left_alone(url, pid):
    """Return whether nothing is left to send but what a killed process had in flight."""
    busy = (
        "SELECT 1 FROM smsworks.chunk WHERE state = 'pending' "
        f"OR (state = 'sending' AND owner NOT LIKE '%:{pid}:%')"
    )
    return not await fetch(url, busy)


async def until_left_alone(url, pid, *processes):
    while not await is_left_alone(url, pid):
        await until(lambda: True, *processes)


@pytest.mark.parametrize(("where", "nth"), KILLS)
async def test_workers_that_share_a_campaign_text_everybody_once(
    postgres_url, tmp_path, where, nth
):
    ahead = tmp_path / "ahead"
    set_ahead(ahead, 0)
    async with Sandbox() as box:
        if where == "held after accepting":
            box.add_fault(Fault(path="/batch/send", nth=nth, when="hold"))
            fate = {}
        else:
            fate = {"where": where, "nth": nth, "signal": "SIGKILL"}
        given = {"ahead": str(ahead), "on_unknown": "report", "timeout": 1200}
        first = await worker(order(box, postgres_url, fate=fate, **given))
        others = [await worker(order(box, postgres_url, **given)) for _ in range(2)]
        if where == "held after accepting":
            await until(lambda: box.accepted() >= nth * CHUNK, first, *others)
            first.kill()
        assert await first.wait() == -signal.SIGKILL
        box.release()  # the request that is held may be one of the others'
        await until_left_alone(postgres_url, first.pid, *others)
        set_ahead(ahead, 5000)  # the lease of the killed process has expired
        reports = []
        for process in others:
            said, _ = await process.communicate()
            assert process.returncode == 0
            reports.append(json.loads(said))
        counts = box.accepted_by_destination()
    assert set(counts.values()) == {1}, "nobody twice"
    last = reports[-1]
    assert all(report["adds_up"] and report["read"] == len(PEOPLE) for report in reports)
    assert last["not_sent"] == []
    lost = set(PEOPLE) - set(counts)
    assert lost <= set(last["unknown"]), "nobody is lost without being named"
    assert len(last["unknown"]) <= 3 * CHUNK, "no more than one process had under way"
