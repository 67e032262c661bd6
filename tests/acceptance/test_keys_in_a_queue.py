"""The Celery task of docs/idempotency.md, in a worker that is killed over and over."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter

import pytest

from smsworks_async.sandbox import Fault, Sandbox
from support.processes import environment
from support.waiting import until, when_held


pytest.importorskip("celery")

PROCESSES = 4
#: The process to kill, and the request that is held then: an accepted one, or one that never is.
#: Only a worker process that holds none of the pool's locks can be killed.
KILLS = [("worker", "hold"), ("worker", "hang"), ("process", "hold"), ("worker", None)]


class Worker:
    """A Celery worker with several processes.

    Args:
        box: the sandbox to which it sends.
        folder: its working folder.
    """

    def __init__(self, box, folder):
        self._folder = folder
        self._environment = environment(SMSWORKS_TOKEN=box.token, SMSWORKS_BASE_URL=box.base_url)

    async def start(self):
        with (self._folder / "log").open("a") as log:
            self.main = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "celery", "-A", "support.workers.confirmations"),
                *("worker", "-P", "prefork", "-c", str(PROCESSES)),
                *("--without-mingle", "--without-gossip", "--without-heartbeat"),
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that its processes can be killed with it
            )

    async def kill(self):
        os.killpg(self.main.pid, signal.SIGKILL)
        await self.main.wait()

    async def kill_process(self, text):
        """Kill the one of its processes that has sent a text; wait until that was noticed."""
        [note] = [p for p in (self._folder / "processes").iterdir() if p.name[:8] in text.content]
        process = note.read_text()
        os.kill(int(process), signal.SIGKILL)
        result = self._folder / "results" / f"celery-task-meta-{note.name}"
        await until(lambda: result.exists() or note.read_text() != process, self.main)


def deliver(orders, folder):
    """Put the confirmation of each order into the queue, and return the broker."""
    from celery import Celery

    from support.file_broker import Broker
    from support.workers.confirmations import configure

    with Celery("shop") as app:
        configure(app, folder)
        for order, phone in orders.items():
            arguments = {"order": order, "destination": phone}
            app.send_task("shop.confirm_order", kwargs=arguments, task_id=order)
    return Broker(folder / "queue")


def read_results(orders, folder):
    """Return the result of each order's task: an id, the name of an exception, or None."""
    results = dict.fromkeys(orders)
    for order in orders:
        if not (folder / f"celery-task-meta-{order}").exists():
            continue
        kept = json.loads((folder / f"celery-task-meta-{order}").read_text())
        done, result = kept["status"], kept["result"]
        results[order] = result if done == "SUCCESS" else (done, result["exc_type"])
    return results


def posts(box):
    return [request.path for request in box.requests].count("/message/send")


async def kill_over_and_over(box, worker, broker, *, size, every):
    """Kill a worker or a process after a number of requests, repeatedly; return how often."""
    figures = Counter()
    held = []
    when_held(box, lambda: held.append(box.messages[-1] if box.messages else None))
    for kills, (what, fault) in enumerate(itertools.cycle(KILLS)):
        # After each kill there may be orders whose request was never sent.
        if posts(box) + every > size - kills * PROCESSES:
            return figures
        goal = posts(box) + every
        held.clear()
        if fault:
            box.add_fault(Fault(path="/message/send", nth=every, when=fault))
        await until(
            lambda fault=fault, goal=goal: held if fault else posts(box) >= goal, worker.main
        )
        figures[f"kills of a {what}"] += 1
        if what == "process":
            await worker.kill_process(held[0])
        else:
            await worker.kill()
        box.clear_faults()
        box.release()
        if what == "worker":
            figures["delivered again"] += broker.redeliver()
            await worker.start()
    raise AssertionError


@pytest.mark.parametrize(
    ("size", "every"), [(200, 50), pytest.param(2000, 40, marks=pytest.mark.slow)]
)
async def test_confirmations_are_texted_once_or_named_as_unknown(
    tmp_path, record_property, size, every
):
    orders = {
        f"{n:08x}-0000-4000-8000-000000000000": f"07700 900{n % 1000:03d}" for n in range(size)
    }
    for folder in ("results", "processes"):
        (tmp_path / folder).mkdir()
    broker = deliver(orders, tmp_path)
    async with Sandbox() as box:
        worker = Worker(box, tmp_path)
        await worker.start()
        try:
            figures = await kill_over_and_over(box, worker, broker, size=size, every=every)
            await until(lambda: not len(broker), worker.main)
        finally:
            await worker.kill()
        texts = {message.content: message.message_id for message in box.messages}
        assert len(texts) == len(box.messages), "somebody was texted twice"
        requests = posts(box)
    expected = {}
    for order in orders:
        text = f"Thank you. Your order {order[:8]} is confirmed."
        expected[order] = texts.get(text, ("FAILURE", "OutcomeUnknown"))
    assert read_results(orders, tmp_path / "results") == expected
    # Each kill leaves only the requests in flight unknown.
    unknown = size - len(texts)
    kills = figures["kills of a worker"] + figures["kills of a process"]
    assert 1 <= unknown <= kills * PROCESSES
    assert requests <= size
    assert figures["kills of a process"] > 0
    assert figures["delivered again"] > 0
    figures |= {"requests": requests, "texted": len(texts), "unknown": unknown}
    record_property("figures", dict(figures))
