"""The blocking client and webhooks in the workers of uWSGI, with and without its threads."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from support.greenlets import environment
from support.waiting import PATIENCE


UWSGI = shutil.which("uwsgi", path=str(Path(sys.executable).parent)) or shutil.which("uwsgi")
pytestmark = pytest.mark.skipif(UWSGI is None, reason="uwsgi is not installed")

SECRET = "the-webhook-secret-of-these-tests-+/AA"
APP = f"""
import os
from smsworks_async import SMSWorks
from smsworks_async.webhooks import Webhooks

client = SMSWorks()
if os.environ.get("USE_EARLY"):
    client.credits.balance()

def on_report(report):
    with open("handled", "a") as file:
        file.write(report.message_id + "\\n")

hooks = Webhooks(on_report=on_report, secrets={SECRET!r}, seen="seen.db").wsgi()

def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        return hooks(environ, start_response)
    try:
        number = "07700 900" + environ["QUERY_STRING"]
        client.messages.send(sender="AcmeCorp", destination=number, content="Hello")
        said = f"{{os.getpid()}} sent"
    except Exception as error:
        said = f"{{os.getpid()}} {{type(error).__name__}}: {{error}}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode()]
"""


@asynccontextmanager
async def serving(hosted, folder, *options, **variables):
    """Run two workers; yield their address, their ids and a function that stops them."""
    (folder / "app.py").write_text(APP)
    log = folder / "log"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, log.open("w") as file:
        fd = listening.fileno()
        process = subprocess.Popen(
            [
                *(UWSGI, "--http-socket", f"fd://{fd}", "--master", "--processes", "2"),
                *("--wsgi-file", "app.py", "--callable", "app", "--die-on-term"),
                *("--virtualenv", sys.prefix, *options),
            ],
            pass_fds=[fd],
            cwd=folder,
            env={**environment(hosted), **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with aiohttp.ClientSession() as session:
                yield session, f"http://127.0.0.1:{listening.getsockname()[1]}", process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


async def get(session, url):
    async with session.get(url) as response:
        return (await response.text()).split(" ", 1)


OPTIONS = [(), ("--lazy-apps",), ("--enable-threads",), ("--enable-threads", "--lazy-apps")]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
async def test_workers_send_and_take_reports_in_and_end(hosted, tmp_path, options):
    async with serving(hosted, tmp_path, *options) as (session, root, process):
        answers: list[list[str]] = []
        # A worker that is still loading the application may miss the signal.
        async with asyncio.timeout(PATIENCE):
            while len({worker for worker, _ in answers}) < 2:
                first = 100 + len(answers)
                answers += await asyncio.gather(
                    *(get(session, f"{root}/?{number}") for number in range(first, first + 8))
                )
        assert {said for _, said in answers} == {"sent"}, answers
        report = {"messageid": "1", "status": "DELIVERED"}

        async def post():
            async with session.post(f"{root}/{SECRET}", json=report) as response:
                return response.status

        assert await asyncio.gather(*(post() for _ in range(4))) == [200] * 4
        for worker in {int(worker) for worker, _ in answers}:
            _check_signals(worker)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 50) == 0  # uWSGI kills what hangs after 60
    assert (tmp_path / "handled").read_text() == "1\n"
    counts = hosted.do(lambda box: box.accepted_by_destination())
    assert len(counts) == len(answers)
    assert set(counts.values()) == {1}


def _check_signals(worker):
    """Check that a worker's background threads leave the signals to its main thread."""
    blocked = {
        int(task.name): int(re.search(r"SigBlk:\s(\w+)", (task / "status").read_text())[1], 16)
        for task in Path(f"/proc/{worker}/task").iterdir()
    }
    assert len(blocked) > 1
    for task, mask in blocked.items():
        assert bool(mask >> (signal.SIGTERM - 1) & 1) is (task != worker)


async def test_a_client_that_was_used_before_the_workers_forked_says_so(hosted, tmp_path):
    options = ["--enable-threads"]
    async with serving(hosted, tmp_path, *options, USE_EARLY="1") as (session, root, _):
        _, said = await get(session, f"{root}/?100")
    assert "used before this process was forked" in said
    assert "create a new client in the child" in said
    assert hosted.do(lambda box: box.accepted()) == 0
