"""Campaigns over a taskiq broker in memory."""

from __future__ import annotations

import pytest

from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import client


taskiq = pytest.importorskip("taskiq")

from smsworks_async.queues.taskiq import Campaigns  # noqa: E402


@pytest.fixture
async def sms(box, tmp_path):
    async with client(box, journal=tmp_path / "x.db") as client_:
        await client_.bulk.plan(
            **TEXT_TO_MANY, destinations=drama(100), chunk_size=10, campaign="x"
        )
        yield client_


@pytest.fixture
async def broker():
    made = taskiq.InMemoryBroker()
    await made.startup()
    yield made
    await made.shutdown()


async def test_tasks_send_a_campaign_whoever_gets_them(broker, box, sms):
    campaigns = Campaigns(broker, client=lambda: sms, seconds=0.01)
    await campaigns.dispatch("x", tasks=4)
    await campaigns.dispatch("x", tasks=4)
    while not (await sms.bulk.status("x")).settled:
        await broker.wait_all()
    assert len(box.accepted_by_destination()) == 100
    assert set(box.accepted_by_destination().values()) == {1}


async def test_tend_dispatches_reconciles_and_tells_once(broker, box, sms):
    done = []

    async def on_done(report):
        done.append(report)

    campaigns = Campaigns(broker, client=lambda: sms, on_done=on_done)
    box.add_fault(Fault(path="/batch/send", when="after"))
    assert await campaigns.tend_now("x") > 0
    await broker.wait_all()
    assert (await sms.bulk.status("x")).unknown == 10
    task = await campaigns.tend.kiq("x")
    result = await task.wait_result()
    assert (result.is_err, result.return_value) == (False, 0.0)
    assert await campaigns.tend_now("x") == 0.0
    (report,) = done
    assert (report.accepted, report.unknown) == (100, 0)
    assert set(box.accepted_by_destination().values()) == {1}
