"""The programs of the how-to guides that run as processes: queue workers, greenlets and servers."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from contextlib import contextmanager

import aiohttp
import pytest

from smsworks_async import SMSWorks
from smsworks_async.sandbox import Fault
from support.doc_examples import examples
from support.greenlets import needs_gevent, wait_until
from support.processes import environment
from support.redis_server import IS_THERE, redis_server
from support.waiting import PATIENCE


PROGRAMS = {example.file: example.code for example in examples() if example.file}
NAME = "2031-05-opening"
WORKERS = {
    "celery": ("-A", "send_with_celery", "worker", "--concurrency", "2", "-l", "WARNING"),
    "taskiq": ("worker", "send_with_taskiq:broker", "--workers", "1", "--max-async-tasks", "2"),
}
#: Queue the task that tends, for the first the command of its guide.
TEND = {
    "celery": (
        *("-m", "celery", "-A", "send_with_celery"),
        *("call", "smsworks.tend", "--args", f'["{NAME}"]'),
    ),
    "taskiq": (
        "-c",
        f"""
from send_with_taskiq import *
async def tend():
    await broker.startup()
    await campaigns.tend.kiq({NAME!r})
    await broker.shutdown()
asyncio.run(tend())
""",
    ),
}
#: Print of each schedule whether its task is there, and the arguments.
SCHEDULES = {
    "celery": """
print([(one["task"] in app.tasks, one["args"]) for one in app.conf.beat_schedule.values()])
""",
    "taskiq": """
async def ask():
    await scheduler.sources[0].startup()
    found = await scheduler.sources[0].get_schedules()
    print([(one.task_name in broker.get_all_tasks(), one.args) for one in found])
asyncio.run(ask())
""",
}


@pytest.fixture
def broker(tmp_path):
    with redis_server(tmp_path) as url:
        yield url


@pytest.fixture
def program(hosted, tmp_path):
    """Return a function that saves a program of a guide, and the options of its processes."""

    def save(name, **variables):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
        settings = {
            "SMSWORKS_TOKEN": hosted.box.token,
            "SMSWORKS_BASE_URL": hosted.box.base_url,
            "SMSWORKS_WEBHOOK_SECRET": "a-secret-of-this-test-1234567890",
            "PYTHONUNBUFFERED": "1",
        }
        return {"cwd": tmp_path, "env": environment(**settings, **variables)}

    return save


def run(*words, **options):
    """Run Python; return what it printed."""
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=PATIENCE, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def started(*words, log, **options):
    """Run Python in a process that writes to a file; terminate it at the end."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *words], stdout=output, stderr=subprocess.STDOUT, **options
        )
        try:
            yield process
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()


def needs(queue):
    pytest.importorskip("taskiq_redis" if queue == "taskiq" else "celery")
    pytest.importorskip("redis")


@pytest.mark.skipif(not IS_THERE, reason="there is no Redis; see SMSWORKS_TEST_REDIS")
@pytest.mark.parametrize("queue", WORKERS)
def test_workers_of_a_queue_send_a_campaign_and_report_its_end(
    queue, broker, hosted, program, tmp_path
):
    needs(queue)
    options = program(f"send_with_{queue}.py", REDIS_URL=broker)
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", when="after")))
    log = tmp_path / "worker.log"
    with (
        SMSWorks(hosted.box.token, base_url=hosted.box.base_url) as sms,
        started("-m", queue, *WORKERS[queue], log=log, **options),
    ):

        def status():
            return sms.bulk.status(NAME, journal=tmp_path / "campaigns.db")

        assert run(f"send_with_{queue}.py", **options) == "100 to be texted\n"
        wait_until(lambda: status().unknown == 100)  # the response to the only request was lost
        run(*TEND[queue], **options)
        wait_until(lambda: f"{NAME} is over: 100 accepted, 0 in doubt" in log.read_text())
        assert status().state == "done"
    texted = hosted.do(lambda box: box.accepted_by_destination())
    assert sorted(texted.values()) == [1] * 100


@pytest.mark.parametrize("queue", WORKERS)
def test_schedulers_of_a_queue_know_the_task_that_tends(queue, program):
    needs(queue)
    options = program(f"send_with_{queue}.py")
    said = run("-c", f"from send_with_{queue} import *\n{SCHEDULES[queue]}", **options)
    assert said == f"[(True, [{NAME!r}])]\n"


@needs_gevent
def test_greenlets_remind_everybody_once_however_often_the_program_runs(hosted, program):
    options = program("remind_in_greenlets.py")
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", nth=3, when="after")))
    ends = [run("remind_in_greenlets.py", **options).splitlines()[-1] for _ in range(2)]
    assert ends == ["49 reminded of 50", "50 reminded of 50"]
    texted = hosted.do(lambda box: box.accepted_by_destination())
    assert sorted(texted.values()) == [1] * 50


async def post(url):
    form = {"phone": "07700 900123"}
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as response:
        return response.status


@needs_gevent
@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="gunicorn is missing")
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
async def test_the_application_of_flasks_guide_is_served_by_gevent(
    preload, hosted, program, tmp_path
):
    options = program("flask_shop.py")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        words = ("-W", "ignore", "-m", "gunicorn", "--worker-class", "gevent", *preload)
        where = ("--bind", f"fd://{fd}", "flask_shop:create_app()")
        log = tmp_path / "server.log"
        with started(*words, *where, log=log, pass_fds=[fd], **options):
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/orders/7/ready"
            assert await post(url) == 200, log.read_text()
    assert hosted.do(lambda box: box.accepted_by_destination()) == {"447700900123": 1}


async def test_the_program_of_aiohttps_guide_serves_its_application(hosted, program, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    with started("desk.py", log=log, **program("desk.py", PORT=str(port))) as server:
        wait_until(lambda: "Running on" in log.read_text() or server.poll() is not None)
        assert await post(f"http://127.0.0.1:{port}/tables/7/offer") == 200, log.read_text()
    assert server.returncode == 0, log.read_text()
    assert hosted.do(lambda box: box.accepted_by_destination()) == {"447700900123": 1}
