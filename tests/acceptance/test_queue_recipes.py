"""The documentation's recipes for task queues send a campaign, each with its queue's own worker."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types

import pytest

from smsworks_async import AsyncSMSWorks, SMSWorks
from smsworks_async.sandbox import Fault
from support.doc_examples import examples
from support.messages import TEXT_TO_MANY, drama
from support.processes import environment
from support.sandboxes import AT_ONCE
from support.waiting import PATIENCE


NAME = "2031-05-opening"
RECIPES = {example.file: example.code for example in examples() if example.file}
PLAN = {**TEXT_TO_MANY, "destinations": drama(100), "chunk_size": 10, "campaign": NAME}


def run_recipe(file, monkeypatch, box):
    """Return a recipe as a module, with the settings of a sandbox."""
    monkeypatch.setenv("SMSWORKS_TOKEN", box.token)
    monkeypatch.setenv("SMSWORKS_BASE_URL", box.base_url)
    module = types.ModuleType(file.removesuffix(".py"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(RECIPES[file], file, "exec"), module.__dict__)
    return module


def test_dramatiq_sends_a_campaign_and_tends_it(hosted, tmp_path, monkeypatch):
    dramatiq = pytest.importorskip("dramatiq")
    stub = pytest.importorskip("dramatiq.brokers.stub")
    broker = stub.StubBroker()
    broker.emit_after("process_boot")
    # A broker in memory in the place of Redis.
    monkeypatch.setattr("dramatiq.brokers.redis.RedisBroker", lambda **_: broker)
    monkeypatch.chdir(tmp_path)
    with SMSWorks(hosted.box.token, base_url=hosted.box.base_url, journal="campaigns.db") as sms:
        sms.bulk.plan(**PLAN)
        recipe = run_recipe("send_with_dramatiq.py", monkeypatch, hosted.box)
        hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", when="after")))
        worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=4)
        worker.start()
        try:
            recipe.tend.send(NAME)
            while sms.bulk.status(NAME).not_sent:
                broker.join("default", fail_fast=True)
            assert sms.bulk.status(NAME).unknown == 10
            recipe.tend.send(NAME)
            broker.join("default", fail_fast=True)
        finally:
            worker.stop()
        assert sms.bulk.status(NAME).accepted == 100
        recipe.sms.close()
    texted = hosted.do(lambda box: box.accepted_by_destination())
    assert sorted(texted.values()) == [1] * 100


async def test_procrastinate_sends_a_campaign_and_tends_it(box, postgres_url, monkeypatch):
    pytest.importorskip("procrastinate")
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    recipe = run_recipe("send_with_procrastinate.py", monkeypatch, box)
    async with (
        recipe.app.open_async(),
        AsyncSMSWorks(box.token, base_url=box.base_url, journal=postgres_url, retry=AT_ONCE) as sms,
    ):
        await recipe.app.schema_manager.apply_schema_async()
        await sms.bulk.plan(**PLAN)
        box.add_fault(Fault(path="/batch/send", when="after"))
        for turn in range(20):
            status = await sms.bulk.status(NAME)
            if status.settled:
                break
            await recipe.tend.defer_async(timestamp=turn)
            # It ends where it finds no task, and not where those that it has run made others.
            await recipe.app.run_worker_async(
                wait=False, concurrency=4, install_signal_handlers=False
            )
        assert status.accepted == 100
        assert len(box.requests) > 10, "what was in doubt was looked for"
    assert sorted(box.accepted_by_destination().values()) == [1] * 100


async def test_pgqueuer_sends_a_campaign_and_tends_it(box, postgres_url, tmp_path):
    pytest.importorskip("pgqueuer")
    # Every second in the place of every minute.
    code = RECIPES["send_with_pgqueuer.py"].replace('"* * * * *"', '"* * * * * *"')
    (tmp_path / "send_with_pgqueuer.py").write_text(code)
    variables = environment(
        PGQUEUER_DSN=postgres_url, SMSWORKS_TOKEN=box.token, SMSWORKS_BASE_URL=box.base_url
    )

    def start(*arguments):
        return subprocess.Popen([sys.executable, *arguments], cwd=tmp_path, env=variables)

    assert await asyncio.to_thread(start("-m", "pgqueuer", "install").wait, PATIENCE) == 0
    async with AsyncSMSWorks(box.token, base_url=box.base_url, journal=postgres_url) as sms:
        await sms.bulk.plan(**PLAN)
        box.add_fault(Fault(path="/batch/send", when="after"))
        worker = start("send_with_pgqueuer.py")
        try:
            async with asyncio.timeout(PATIENCE):
                while not (status := await sms.bulk.status(NAME)).settled:
                    assert worker.poll() is None, "the worker has ended"
                    await asyncio.sleep(0.1)
        finally:
            worker.terminate()
            ended = await asyncio.to_thread(worker.wait, PATIENCE)
    assert ended == 0
    assert status.accepted == 100
    assert len(box.requests) > 10, "what was in doubt was looked for"
    assert sorted(box.accepted_by_destination().values()) == [1] * 100
