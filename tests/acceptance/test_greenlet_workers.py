"""Celery and Flask in workers that gevent or eventlet has patched."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import subprocess
import sys

import aiohttp
import pytest

from smsworks_async.sandbox import Fault
from support.greenlets import LIBRARIES, environment, needs_gevent
from support.waiting import PATIENCE


TASKS = """
from celery import Celery
from smsworks_async import SMSWorks

app = Celery(
    "tasks",
    broker="filesystem://",
    backend="file://results",
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        name: "queue" for name in ("data_folder_in", "data_folder_out", "control_folder")
    },
)
client = SMSWorks()

@app.task
def text_customer(number):
    return client.messages.send(
        sender="AcmeCorp", destination=number, content="Hello"
    ).message_id

@app.task
def text_everybody(numbers):
    report = client.bulk.send(
        sender="AcmeCorp", destinations=iter(numbers), content="Hello",
        journal="campaigns.db", campaign="everybody",
    )
    return report.accepted
"""
ORDER = """
from tasks import text_customer, text_everybody
numbers = [f"07700 900{n:03d}" for n in range(60)]
results = [text_customer.delay(number) for number in numbers[:20]]
everybody = text_everybody.delay(numbers[20:])
print(len({result.get(timeout=600) for result in results}), everybody.get(timeout=600))
"""


@pytest.mark.skipif(importlib.util.find_spec("celery") is None, reason="celery is not installed")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("library", LIBRARIES)
def test_celerys_tasks_send_in_greenlets(library, hosted, tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS)
    for folder in ("queue", "results"):
        (tmp_path / folder).mkdir()
    options = {"cwd": tmp_path, "env": environment(hosted)}
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tasks", "worker"]
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(
            [*command, "-P", library, "-c", "10", "--without-mingle", "--without-gossip"],
            stdout=log,
            stderr=subprocess.STDOUT,
            **options,
        )
        try:
            done = subprocess.run(
                [sys.executable, "-c", ORDER], capture_output=True, text=True, timeout=90, **options
            )
            worker.terminate()
            assert worker.wait(60) == 0, (tmp_path / "log").read_text()
        finally:
            worker.kill()
            worker.wait(60)
    assert done.stdout == "20 40\n", done.stderr + (tmp_path / "log").read_text()
    counts = hosted.do(lambda box: box.accepted_by_destination())
    assert len(counts) == 60
    assert set(counts.values()) == {1}


FLASK = """
from flask import Flask
from smsworks_async import SMSWorks

app = Flask(__name__)
client = SMSWorks()

@app.get("/idle")
def idle():
    return "idle"

@app.get("/<number>")
def send(number):
    sent = client.messages.send(sender="AcmeCorp", destination=number, content="Hello")
    return sent.message_id
"""


@needs_gevent  # gunicorn has no eventlet workers any more
@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="gunicorn is missing")
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
async def test_one_worker_answers_other_requests_while_many_send(preload, hosted, tmp_path):
    (tmp_path / "app.py").write_text(FLASK)
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when="hold", times=0)))
    said = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, said.open("w") as log:
        fd = listening.fileno()
        server = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", "-m", "gunicorn", "--worker-class", "gevent"),
                *("--bind", f"fd://{fd}", *preload, "app:app"),
            ],
            pass_fds=[fd],
            cwd=tmp_path,
            env=environment(hosted),
            stderr=log,
        )
        root = f"http://127.0.0.1:{listening.getsockname()[1]}"

        async def get(path):
            async with session.get(f"{root}/{path}") as response:
                return response.status, await response.text()

        try:
            async with aiohttp.ClientSession() as session:
                sending = [asyncio.create_task(get(f"07700900{n:03d}")) for n in range(20)]
                async with asyncio.timeout(PATIENCE):
                    while len(hosted.box.requests) < 20:
                        await asyncio.sleep(0.01)
                    assert await get("idle") == (200, "idle")
                assert not any(task.done() for task in sending)
                hosted.do(lambda box: box.release())
                answers = await asyncio.gather(*sending)
            server.terminate()
            assert await asyncio.to_thread(server.wait, 60) == 0
        finally:
            server.kill()
            server.wait(60)
    assert {status for status, _ in answers} == {200}, said.read_text()
    assert len({message_id for _, message_id in answers}) == 20
