"""Reading always yields to the loop: other tasks run, and it can be cancelled."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama


SLICES = 40


class Turns:
    """Yields numbers, and counts the iterations of the loop."""

    def __init__(self):
        self.count = 0

    async def run(self):
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.fixture
async def turns():
    counting = Turns()
    task = asyncio.create_task(counting.run())
    yield counting
    task.cancel()


async def test_send_yields_to_the_loop_while_it_reads_on_after_it_was_stopped(box, sms, turns):
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    seen = []

    def numbers():
        for some in itertools.repeat(drama(500), SLICES):
            seen.append(turns.count)
            yield from some

    report = await sms.bulk.send(**TEXT, destinations=numbers(), concurrency=1, deduplicate=False)
    assert (report.rejected, report.not_sent) == (500, 500 * (SLICES - 1))
    assert len(set(seen)) == SLICES, "the loop came around between any two slices"


@pytest.mark.parametrize("journal", [None, "campaigns.db"])
async def test_estimate_and_plan_yield_to_the_loop_while_they_read(sms, turns, tmp_path, journal):
    seen = []

    def numbers():
        for some in itertools.repeat(drama(500), SLICES):
            seen.append(turns.count)
            yield from some

    if journal is None:
        await sms.bulk.estimate(content="Hello", destinations=numbers(), balance=False)
    else:
        await sms.bulk.send(
            **TEXT, destinations=numbers(), journal=tmp_path / journal, campaign="x"
        )
    assert len(set(seen)) == SLICES


async def test_send_of_an_endless_list_can_be_cancelled(box, sms):
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    endless = itertools.cycle(drama(500))
    task = asyncio.create_task(
        sms.bulk.send(**TEXT, destinations=endless, deduplicate=False, concurrency=1)
    )
    while not box.requests:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
