"""`with Sandbox()`: a server on a separate thread, for blocking code and beside async code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import socket
import threading

import pytest
from aiohttp import web

from smsworks_async import SMSWorks
from smsworks_async.sandbox import BlockingSandbox, Fault, ManualClock, RunningClock, Sandbox
from support.sandboxes import AT_ONCE


TEXT = {"sender": "447700900000", "destination": "07700 900123", "content": "Hello"}
SENT = {"sender": "07700 900124", "to": "60777", "content": "Yes"}


def client(box):
    return SMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE)


def sandbox_threads():
    return [thread for thread in threading.enumerate() if thread.name == "smsworks-sandbox"]


def test_sandbox_entered_with_with_serves_blocking_code_and_ends_with_it():
    with Sandbox(clock=ManualClock(), credits=10) as box, client(box) as sms:
        assert isinstance(box, BlockingSandbox)
        sent = sms.messages.send(**TEXT)
        assert [message.message_id for message in box.messages] == [sent.message_id]
        assert (box.credits, box.requests[0].status) == (9, 201)
        assert box.advance(2) is None
        assert box.messages[0].status == "DELIVERED"
        received = box.receive(**SENT)
        assert [message.message_id for message in sms.messages.inbox()] == [received]
        port = box.port
    assert sandbox_threads() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_sandbox_that_cannot_listen_raises_and_leaves_no_thread():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="is in use"),
        Sandbox(port=taken.getsockname()[1]),
    ):
        pass
    assert sandbox_threads() == []


async def test_sandbox_refuses_to_be_entered_twice():
    """Check that: its timers, posts and held requests have ended with the first use."""
    box = Sandbox()
    with box:
        pass
    with pytest.raises(RuntimeError, match="create a new one"):
        await box.__aenter__()
    box = Sandbox()
    async with box:
        with pytest.raises(RuntimeError, match="create a new one"):
            box.__enter__()
    assert sandbox_threads() == []


def test_sandbox_does_what_a_test_asks_on_its_own_thread():
    """Check `release`: it sets an event of the server's loop, which other threads may not do."""
    held = Fault(path="/message/send", when="hold")
    with Sandbox(faults=[held], clock=ManualClock()) as box, client(box) as sms:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sending = pool.submit(sms.messages.send, **TEXT)
            while not box.messages:
                pass
            box.release()
            assert sending.result(timeout=20).status == "SENT"
        box.credits = 0.5
        assert sms.credits.balance() == 0.5
        box.add_fault(Fault(path="*", status=429))
        box.clear_faults()
        assert box.change_storage(show_batch_ids=False) == box.storage
        assert box.rotate_token() == box.token
        box.reset()
        assert (box.messages, box.requests) == ([], [])


def test_sandbox_is_safe_to_read_while_it_is_written_to():
    people = [f"07700 900{n:03d}" for n in range(400)]
    with Sandbox() as box, client(box) as sms, concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(
            sms.bulk.send, sender="AcmeCorp", content="x", destinations=people, chunk_size=5
        )
        while not run.done():
            assert len(box.messages) <= 400
            assert box.accepted_by_destination().total() <= 400
        assert run.result().all_accepted
        assert len(box.messages) == 400


def test_blocking_sandbox_has_the_methods_of_the_sandbox():
    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    def parameters(function):
        return [str(one) for one in inspect.signature(function).parameters.values()]

    assert public(BlockingSandbox) == public(Sandbox)
    waiting = {
        name for name in public(Sandbox) if inspect.iscoroutinefunction(vars(Sandbox).get(name))
    }
    assert waiting == {"advance", "deliver", "receive", "reply"}
    for name in waiting:
        awaited, blocking = getattr(Sandbox, name), getattr(BlockingSandbox, name)
        assert parameters(awaited) == parameters(blocking)
        assert awaited.__doc__ == blocking.__doc__


def test_running_clock_runs_and_is_advanced():
    with Sandbox(clock=RunningClock(), delivery_delay=3600) as box, client(box) as sms:
        sms.messages.send(**TEXT)
        before = box.now
        box.advance(3600)
        assert box.messages[0].status == "DELIVERED"
        assert 3600 <= box.now - before < 7200
        with pytest.raises(ValueError, match="cannot go backwards"):
            box.advance(-1)
        with pytest.raises(ValueError, match="year 10000"):
            box.advance(1e18)


def test_blocking_sandbox_that_has_ended_says_so():
    with Sandbox(clock=ManualClock()) as box:
        pass
    with pytest.raises(RuntimeError, match="is not running"):
        box.advance(1)
    box.reset()  # does not wait


async def test_blocking_sandbox_refuses_to_block_an_event_loop():
    with Sandbox(clock=ManualClock()) as box:
        for call in (
            lambda: box.advance(1),
            box.deliver,
            lambda: box.receive(**SENT),
            lambda: box.reply("07700 900123", "Yes", to="60777"),
        ):
            with pytest.raises(RuntimeError, match="would block the event loop"):
                call()
        assert box.posts == []


async def test_sandbox_on_a_thread_is_awaited_and_leaves_the_loop_free():
    """Check posts to a service on the test's loop, on which blocking code runs as well."""
    posted = []

    async def hook(request):
        posted.append((await request.json())["content"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/sms", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    url = f"http://127.0.0.1:{port}/sms"
    sandbox = Sandbox(clock=ManualClock(), incoming_url=url, delivery_report_url=url)
    try:
        with sandbox as box, client(box) as sms:
            sms.messages.send(**TEXT)  # blocks the loop, so the server must run on another thread
            await sandbox.reply("07700 900123", "Yes")
            await sandbox.advance(2)
            await asyncio.gather(sandbox.deliver(), sandbox.receive(**SENT))
            assert posted == ["Yes", "Hello", "Yes"]
    finally:
        await runner.cleanup()


async def test_sandbox_on_the_loop_has_no_thread():
    async with Sandbox(clock=ManualClock()) as box:
        assert sandbox_threads() == []
        await box.receive(**SENT)
        await box.advance(1)
        await box.deliver()
