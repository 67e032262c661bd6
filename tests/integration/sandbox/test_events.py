"""`GET /sandbox/events`: changes as server-sent events."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest

from smsworks_async.sandbox import ManualClock, Sandbox
from smsworks_async.sandbox.feed import Pauses
from support.waiting import until
from support.wire import BATCH, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


class Events:
    """One open stream."""

    def __init__(self, response):
        self.response = response

    async def block(self):
        """Return the lines up to the next empty one."""
        lines = []
        async for line in self.response.content:
            if line == b"\n":
                return lines
            lines.append(line.decode().rstrip("\n"))
        return None

    async def next(self):
        """Return the id and the data of the next event."""
        while True:
            lines = await self.block()
            if lines is None:
                return None
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "event" in fields:
                assert fields["event"] == "change"
                return fields["id"], json.loads(fields["data"])

    async def messages(self):
        """Return the data of the next event with messages, skipping those of requests."""
        while True:
            _, data = await self.next()
            if data["messages"]:
                return data


@asynccontextmanager
async def events(api, **headers):
    url = f"{api.box.root_url}/sandbox/events"
    async with api.session.get(url, headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Events(response)


def feed_of(box):
    return box._simulator.feed


def hurry(api, **pauses):
    feed_of(api.box).pauses = Pauses(**{"events": 0.0, **pauses})


async def test_events_begin_with_one_that_has_the_reader_load_everything(api):
    async with events(api) as stream:
        assert await stream.block() == ["retry: 1000"]
        id, data = await stream.next()
        assert data == {"messages": [], "more": True, "requests": 0, "webhooks": 0, "total": 0}
        assert id.rpartition("-")[0] == feed_of(api.box).run


async def test_events_name_the_messages_that_are_new_or_have_changed(api):
    async with events(api) as stream:
        await stream.next()
        sent = (await api.send())["messageid"]
        data = await stream.messages()
        assert data == {"messages": [sent], "more": False, "requests": 1, "webhooks": 0, "total": 1}
        await api.box.advance(1)
        data = await stream.messages()
        assert (data["messages"], data["total"]) == ([sent], 1)


async def test_events_of_a_batch_are_one_with_a_hundred_messages_and_more(api):
    async with events(api) as stream:
        await stream.next()
        numbers = [f"4477009{n:05}" for n in range(300)]
        await api.post("/batch/send", {**BATCH, "destinations": numbers})
        data = await stream.messages()
        assert (len(data["messages"]), data["more"], data["total"]) == (100, True, 300)


async def test_events_go_on_after_a_reconnection_that_missed_nothing(api):
    async with events(api) as stream:
        last, _ = await stream.next()
    async with events(api, **{"Last-Event-ID": last}) as stream:
        again, data = await stream.next()
        assert (again, data["more"]) == (last, False)
    sent = await api.send()
    assert sent
    async with events(api, **{"Last-Event-ID": last}) as stream:
        assert (await stream.next())[1]["more"] is True


async def test_events_after_a_reset_are_of_another_run(api):
    async with events(api) as stream:
        first, _ = await stream.next()
        await api.post("sandbox/reset", {})
        second, data = await stream.next()
        assert data["more"] is True
        assert first.partition("-")[0] != second.partition("-")[0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "faults", [{"path": "*"}]),
        ("DELETE", "faults", None),
        ("POST", "account", {"credits": 1}),
        ("POST", "advance", {"seconds": 1}),
        ("POST", "storage", {"search_lag": 1}),
    ],
)
async def test_events_tell_of_what_other_pages_have_changed(api, method, path, body):
    async with events(api) as stream:
        await stream.next()
        await api.call(method, f"sandbox/{path}", body)
        assert (await stream.next())[1]["messages"] == []


class LoopClock:
    """Make the running loop use a clock that the test advances."""

    def __init__(self, monkeypatch):
        loop = asyncio.get_running_loop()
        self._real, self._ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: self._real() + self._ahead)

    def turn(self, seconds):
        self._ahead += seconds


async def test_events_that_come_fast_are_told_together(api, monkeypatch):
    clock = LoopClock(monkeypatch)
    hurry(api, events=100.0)
    async with events(api) as stream:
        await stream.next()
        ids = [(await api.send(destination=f"4477009000{n:02}"))["messageid"] for n in range(5)]
        waiting = asyncio.ensure_future(stream.messages())
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.turn(100)
        assert (await waiting)["messages"] == ids


async def test_events_are_followed_by_a_comment_where_nothing_changes(api, monkeypatch):
    clock = LoopClock(monkeypatch)
    async with events(api) as stream:
        await stream.next()
        waiting = asyncio.ensure_future(stream.block())
        await until(lambda: feed_of(api.box).streams)
        clock.turn(14)
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.turn(1.5)
        assert await waiting == [": still here"]


async def test_events_end_when_the_sandbox_does():
    async with aiohttp.ClientSession() as session:
        async with Sandbox(clock=ManualClock()) as box:
            response = await session.get(f"{box.root_url}/sandbox/events")
            stream = Events(response)
            await stream.next()
            feed = feed_of(box)
            [_] = feed.streams
        assert await stream.next() is None
        assert feed.streams == set()
        response.close()


async def test_events_forget_a_reader_that_has_left(api):
    async with events(api) as stream:
        await stream.next()
        assert len(feed_of(api.box).streams) == 1
    await until(lambda: not feed_of(api.box).streams)


async def test_events_drop_a_reader_that_does_not_read(api, monkeypatch):
    """Check that a slow reader has only the sockets' buffers and one event."""
    clock = LoopClock(monkeypatch)
    hurry(api)
    feed = feed_of(api.box)
    _, writer = await asyncio.open_connection("127.0.0.1", api.box.port, limit=1)
    writer.write(b"GET /sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await until(lambda: feed.streams)
    [stream] = feed.streams
    for n in range(100_000):
        if not feed.streams:
            break
        feed.note(f"{n:018}" * 50)
        await asyncio.sleep(0)
        if n % 5000 == 4999:
            clock.turn(16)
    assert feed.streams == set()
    assert len(stream.ids) <= 100
    writer.close()


async def test_events_are_refused_when_too_many_streams_are_open(api, monkeypatch):
    monkeypatch.setattr("smsworks_async.sandbox.streaming.MOST_STREAMS", 1)
    async with events(api) as stream:
        await stream.next()
        status, answer = await api.get("sandbox/events")
        assert status == 503
        assert "Too many" in answer["message"]


async def test_events_need_the_token_beyond_loopback():
    async with sandbox(host="0.0.0.0") as api:
        assert (await api.get("sandbox/events", token=None))[0] == 401
        async with events(api, Authorization=api.box.token) as stream:
            await stream.next()


async def test_events_have_no_answer_to_a_head(api):
    url = f"{api.box.root_url}/sandbox/events"
    async with api.session.head(url) as response:
        assert response.status == 405


def test_events_end_with_a_blocking_sandbox_that_is_left():
    with Sandbox() as box:
        reader = socket.create_connection(("127.0.0.1", box.port))
        reader.sendall(b"GET /sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = b""
        while b"event: change" not in heard:
            heard += reader.recv(4096)
    with reader:
        while reader.recv(4096):
            pass
