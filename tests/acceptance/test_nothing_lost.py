"""Guarantees for applications: no report is lost or handled twice, and nothing blocks."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import ManualClock, Reporting, Sandbox
from smsworks_async.webhooks import DeliveryStats, Webhooks


SECRET = "the-webhook-secret-of-these-tests-AAAA"

APPLICATION = """
import os, signal, socket, sys
from aiohttp import web
from smsworks_async.webhooks import Webhooks

last = int(os.environ.get("LAST", "0"))
received = 0


def on_report(report):
    global received
    received += 1
    if received == last:
        os.kill(os.getpid(), signal.SIGKILL)
    with open("handled", "a") as file:
        file.write(report.message_id + "\\n")


# Short enough to be waited for, and long enough for a body that comes at once, on any machine.
hooks = Webhooks(on_report=on_report, receive_timeout=3.0)
listening = socket.socket(fileno=int(sys.argv[1]))
"""
SERVERS = {
    # Otherwise aiohttp would read and discard input for ten seconds.
    "aiohttp": """
import asyncio


async def main():
    app = web.Application()
    app.add_routes(hooks.routes("/sms"))
    runner = web.AppRunner(app, access_log=None, lingering_time=0)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


asyncio.run(main())
""",
    "asgi": """
import uvicorn
uvicorn.Server(uvicorn.Config(hooks.asgi(), log_level="critical")).run(sockets=[listening])
""",
}


STARTED = []


@pytest.fixture(autouse=True)
async def _nothing_is_left_behind():
    yield
    while STARTED:
        process = STARTED.pop()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def start(listening, folder, server="aiohttp", **environment):
    folder.joinpath("app.py").write_text(APPLICATION + SERVERS[server])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "app.py",
        str(listening.fileno()),
        pass_fds=[listening.fileno()],
        cwd=folder,
        env={**os.environ, "SMSWORKS_WEBHOOK_SECRET": SECRET, **environment},
    )
    STARTED.append(process)
    return process


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def address(listening):
    return f"http://127.0.0.1:{listening.getsockname()[1]}/sms/{SECRET}"


async def test_ten_thousand_reports_over_fifty_connections_none_lost_none_twice_none_back():
    told, stats = defaultdict(list), DeliveryStats()

    async def on_report(report):
        told[report.message_id].append(report.status)
        stats.add(report)

    app = web.Application()
    app.add_routes(Webhooks(on_report=on_report, secrets=SECRET).routes("/sms"))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms/{SECRET}"
    # For each message a sequence of statuses, one repeat, and one report at a random position.
    reports = [
        json.dumps({"messageid": str(number), "status": status, "credits": 1})
        for number in range(2500)
        for status in ("SENT", "DELIVERED", "DELIVERED", "ACCEPTED")
    ]
    random.Random(4).shuffle(reports)
    statuses, left = [], iter(reports)

    async def post(session):
        for report in left:
            async with session.post(url, data=report) as response:
                statuses.append(response.status)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:
        await asyncio.gather(*[post(session) for _ in range(50)])
    await runner.cleanup()

    assert statuses == [200] * 10_000
    assert len(told) == 2500
    for handled in told.values():
        assert handled[-1] == "DELIVERED"
        assert len(handled) == len(set(handled))
    assert stats.total.by_status == {"DELIVERED": 2500}
    assert stats.total.spent == 2500


async def test_a_process_killed_between_receiving_and_handling_loses_no_report(listening, tmp_path):
    lives = []

    async def live():
        # Each one dies while handling a report; the last one survives.
        for last in ("3", "7", "0"):
            lives.append(await start(listening, tmp_path, LAST=last))
            await lives[-1].wait()

    async with (
        Sandbox(
            clock=ManualClock(),
            delivery_report_url=address(listening),
            reporting=Reporting(pauses=(5, 30, 120)),
        ) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        living = asyncio.ensure_future(live())
        batch = await sms.batches.send(
            sender="AcmeCorp",
            destinations=[f"07700 900{number:03d}" for number in range(40)],
            content="Hello",
        )
        await box.advance(600)
        lives[-1].terminate()
        await living
        records = await sms.batches.get(batch.batch_id)
        statuses = [post.status for post in box.posts]
    assert [life.returncode for life in lives[:2]] == [-9, -9]
    assert statuses.count(None) >= 2  # posts that died with the process
    assert statuses.count(200) == 40
    handled = Path(tmp_path / "handled").read_text().split()
    assert set(handled) == {record.message_id for record in records}
    assert len(set(handled)) == 40


def most_memory(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


GIGABYTE = 10**9
CHUNKED = "Transfer-Encoding: chunked"


class Sender:
    """A client that sends an arbitrary body over its own socket."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.sent = 0

    @classmethod
    async def begin(cls, listening, header):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(f"POST /sms/{SECRET} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        return cls(reader, writer)

    async def send(self, size, piece=2**16, *, chunked=False):
        data = b"[" * piece
        if chunked:
            data = b"%x\r\n%b\r\n" % (piece, data)
        try:
            while self.sent < size and not self.reader.at_eof():
                self.writer.write(data)
                await self.writer.drain()
                self.sent += piece
        except ConnectionError:
            pass  # cut off

    async def status(self):
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return None  # data beyond the limit may also cut off the response
        return int(line.split()[1]) if line else None

    async def end(self):
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
@pytest.mark.parametrize("server", SERVERS)
async def test_a_body_of_a_gigabyte_however_it_is_sent_is_cut_off_and_others_are_answered(
    listening, tmp_path, server
):
    app = await start(listening, tmp_path, server)
    url = address(listening)
    async with aiohttp.ClientSession() as session:

        async def report(number):
            document = {"messageid": str(number), "status": "DELIVERED"}
            async with session.post(url, json=document) as response:
                return response.status

        assert await report(0) == 200
        before = most_memory(app)
        # With a Content-Length.
        honest = await Sender.begin(listening, f"Content-Length: {GIGABYTE}")
        assert await honest.status() == 413
        # Without a Content-Length, at full speed.
        fast = await Sender.begin(listening, CHUNKED)
        await fast.send(GIGABYTE, chunked=True)
        assert await fast.status() in (413, None)
        assert fast.sent < 100 * 2**20
        # Too slowly, from twenty clients at once.
        slow = [await Sender.begin(listening, CHUNKED) for _ in range(10)]
        slow += [await Sender.begin(listening, "Content-Length: 60000") for _ in range(10)]
        for sender in slow:
            sender.writer.write(b"1\r\n[\r\n")
        for number in range(1, 21):
            assert await report(number) == 200  # meanwhile
        assert [await sender.status() for sender in slow] == [408] * 20
        assert most_memory(app) - before < 8 * 2**20
        for sender in [honest, fast, *slow]:
            await sender.end()


async def test_reports_late_doubled_and_out_of_order_from_the_sandbox_are_told_once(listening):
    told = []
    app = web.Application()
    app.add_routes(Webhooks(on_report=told.append, secrets=SECRET).routes("/sms"))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    untidy = Reporting(copies=3, delay=10.0, spread=60.0, duration=0.01)
    async with (
        Sandbox(
            clock=ManualClock(), delivery_report_url=address(listening), reporting=untidy
        ) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        for number in range(20):
            await sms.messages.send(
                sender="AcmeCorp", destination=f"07700 900{number:03d}", content="Hello"
            )
        await box.advance(120)
        assert [post.status for post in box.posts] == [200] * 60
        assert {report.message_id for report in told} == {one.message_id for one in box.messages}
    await runner.cleanup()
    assert len(told) == 20
    numbers = [int(report.message_id) for report in told]
    assert any(later < earlier for earlier, later in pairwise(numbers))
