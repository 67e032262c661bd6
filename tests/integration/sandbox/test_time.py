import asyncio

import pytest

from smsworks_async.sandbox import ManualClock, Sandbox
from support.internals import server_of
from support.wire import MESSAGE, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_on_the_real_clock_messages_are_delivered_by_themselves():
    async with sandbox(clock=None, delivery_delay=0.0) as api:
        sent = await api.send()
        while api.box.messages[0].status == "SENT":
            await asyncio.sleep(0)
        assert (await api.record(sent["messageid"]))["status"] == "DELIVERED"
        with pytest.raises(RuntimeError, match="ManualClock"):
            await api.box.advance(1)


async def test_the_next_thing_due_moves_the_timer_forward():
    async with sandbox(clock=None, delivery_delay=60.0) as api:
        await api.send()
        later = server_of(api.box).scheduler.timer.when()
        _, [job] = await api.post(
            "/message/schedule", {**MESSAGE, "schedule": "2999-01-01T00:00:00Z"}
        )
        assert server_of(api.box).scheduler.timer.when() <= later
        await api.send(validity=1)
        server_of(api.box).scheduler.wake()
        assert server_of(api.box).scheduler.timer is not None
        assert job["status"] == "SCHEDULED"


async def test_time_does_not_run_backwards(api):
    with pytest.raises(ValueError):
        await api.box.advance(-1)


async def test_two_sandboxes_with_the_same_seed_draw_the_same_ids():
    ids = []
    for seed in (1, 1, 2):
        async with sandbox(seed=seed) as api:
            ids.append((await api.send())["messageid"])
    assert ids[0] == ids[1] != ids[2]


async def test_requests_are_noted_with_their_connection(api):
    await api.send()
    await api.get("/credits/balance")
    await asyncio.gather(*(api.get("/utils/test") for _ in range(3)))
    first = api.box.requests[0]
    assert (first.method, first.path, first.status) == ("POST", "/message/send", 201)
    assert first.at.timestamp() == api.box.now
    assert api.box.requests[1].connection == first.connection
    assert len({record.connection for record in api.box.requests}) == 3


async def test_a_sandbox_that_listens_everywhere_is_reached_by_loopback():
    async with Sandbox(host="0.0.0.0", clock=ManualClock()) as box:
        assert box.base_url == f"http://127.0.0.1:{box.port}/v1"
    async with Sandbox(host="localhost", clock=ManualClock()) as box:
        assert str(box.port) in box.base_url


async def test_an_address_that_is_taken_is_an_error_and_leaves_nothing_behind(api, tmp_path):
    with pytest.raises(OSError):
        async with Sandbox(port=api.box.port, database=tmp_path / "sandbox.db"):
            pass
