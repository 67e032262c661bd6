"""Replies and cancellations that arrive while several processes send one campaign."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.journals import SQLiteJournal, State
from smsworks_async.sandbox import Fault, Sandbox
from support.processes import start_worker
from support.sandboxes import AT_ONCE
from support.stops import claims_of
from support.waiting import until
from support.webhook_servers import REPLY, serving


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
RECIPIENTS = 20_000 if SLOW else 3_000
REPLIES = 50 if SLOW else 12
CHUNK = 50
SLOWLY = Fault(path="/batch/send", when="hold", delay=0.02, times=0)


def people(count):
    return [f"4477009{n:05d}" for n in range(count)]


@contextlib.asynccontextmanager
async def sandbox():
    async with Sandbox(credits=1e9, flooding=False, delivery_delay=1e6) as box:
        # Long enough for replies and cancellations to arrive in the middle.
        box.add_fault(SLOWLY)
        yield box


def order(box, path, count, **more):
    return {
        "path": str(path),
        "token": box.token,
        "base_url": box.base_url,
        "destinations": people(count),
        "chunk_size": CHUNK,
        "timeout": 2.0,
        **more,
    }


async def start(*orders):
    return [await start_worker("campaign", one, stdout=subprocess.PIPE) for one in orders]


async def said_by(process):
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def test_a_stop_by_webhook_keeps_its_number_out_of_every_later_claim(
    tmp_path, record_property
):
    path = tmp_path / "journal.db"
    chance = random.Random(1)
    answered = {}
    async with (
        sandbox() as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, journal=path, retry=AT_ONCE) as sms,
        serving("aiohttp", client=sms) as provider,
    ):
        workers = await start(*[order(box, path, RECIPIENTS)] * 2)
        await until(lambda: box.accepted() > 0, *workers)
        # Nothing more is claimed for a moment, in which some of the later ones reply.
        box.clear_faults()
        box.add_fault(Fault(path="/batch/send", when="hold", times=0))
        early = chance.sample(people(RECIPIENTS)[RECIPIENTS // 2 :], REPLIES // 3)
        others = sorted(set(people(RECIPIENTS)) - set(early))
        kills = 0
        for number in [*early, *chance.sample(others, REPLIES - len(early))]:
            stop = {"messageid": f"reply-{number}", "from": number, "content": "STOP"}
            assert await provider.post({**REPLY, **stop}) == 200
            answered[number] = time.time()
            if len(answered) == len(early):
                box.clear_faults()
                box.release()
                box.add_fault(SLOWLY)
            if len(answered) == REPLIES // 2:
                workers[0].kill()
                await workers[0].wait()
                kills += 1
                workers[:1] = await start(order(box, path, RECIPIENTS))
            await asyncio.sleep(0)
        reports = [await said_by(worker) for worker in workers]
        report = await sms.bulk.reconcile("x", settle=0)
        messages = list(box.messages)
    assert report.adds_up
    assert report.read == RECIPIENTS
    assert all(one["adds_up"] for one in reports)
    journal = SQLiteJournal(path)
    claims, _ = await claims_of(journal)
    await journal.close()
    late, gaps = [], []
    for message in messages:
        claimed = claims.get(message.batch_id)
        if claimed is None:
            continue
        gaps.append(message.created - claimed)
        if claimed > answered.get(message.destination, float("inf")):
            late.append(message.destination)
    assert not late
    assert report.opted_out >= REPLIES // 3
    texted = {message.destination for message in messages}
    left_out = {
        number
        for batch in report.batches
        if batch.outcome is Outcome.OPTED_OUT
        for number in batch.destinations
    }
    assert left_out <= set(answered)
    assert not left_out & texted
    record_property(
        "figures",
        f"{RECIPIENTS} recipients, {REPLIES} replies, {kills} kill: {report.opted_out} left out, "
        f"{len(set(answered) & texted)} texted before, claim to write {max(gaps):.2f} s at most",
    )


async def test_cancel_while_four_processes_send_is_seen_by_their_next_claims(
    tmp_path, record_property
):
    path = tmp_path / "journal.db"
    async with (
        sandbox() as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, journal=path, retry=AT_ONCE) as sms,
    ):
        workers = await start(*[order(box, path, RECIPIENTS)] * 4)
        await until(lambda: box.accepted() > 10 * CHUNK, *workers)
        called = time.time()
        report = await sms.bulk.cancel("x", settle=0, why="a mistake")
        returned = time.time()
        await asyncio.gather(*(said_by(worker) for worker in workers))
        report = await sms.bulk.reconcile("x", settle=0)
        accepted = box.accepted()
    journal = SQLiteJournal(path)
    _, claims = await claims_of(journal)
    states = {chunk.state for chunk in await journal.chunks("x", limit=10_000)}
    await journal.close()
    assert claims[-1] <= returned
    assert report.adds_up
    assert report.accepted == accepted < RECIPIENTS
    assert report.not_sent == RECIPIENTS - accepted
    assert states == {State.ACCEPTED, State.CANCELLED}
    record_property(
        "figures", f"last claim {max(0.0, claims[-1] - called):.3f} s after the call of cancel"
    )


async def test_two_processes_that_are_killed_and_restarted_at_night_send_nothing(tmp_path):
    """They are killed in the evening, in the middle of requests, and started again at 03:00."""
    path, ahead = tmp_path / "journal.db", tmp_path / "ahead"
    london = ZoneInfo("Europe/London")
    today = datetime.now(london).replace(minute=0, second=0, microsecond=0)

    def turn_to(hour, days=0):
        then = today.replace(hour=hour) + timedelta(days=days)
        ahead.write_text(str(then.timestamp() - time.time()))

    async with Sandbox(credits=1e9, flooding=False, delivery_delay=1e6) as box:
        one = order(box, path, 1000, ahead=str(ahead), window=["09:00", "20:00"])
        turn_to(19, days=1)
        box.add_fault(Fault(path="/batch/send", nth=3, when="hold", times=0))
        workers = await start(one, one)
        await until(lambda: len(box.requests) >= 6, *workers)
        for worker in workers:
            worker.kill()
            await worker.wait()
        box.clear_faults()
        box.release()
        evening = box.accepted()
        turn_to(3, days=2)
        reports = [await said_by(worker) for worker in await start(one, one)]
        assert box.accepted() == evening
        assert all(one["adds_up"] and len(one["not_sent"]) > 0 for one in reports)
        turn_to(9, days=2)
        reports = [await said_by(worker) for worker in await start(one, one)]
        counts = box.accepted_by_destination()
    assert set(counts.values()) == {1}
    for said in reports:
        assert said["adds_up"]
        assert not said["not_sent"]
        assert said["accepted"] + len(said["unknown"]) == 1000
