"""One timer for all claims of an executor."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import threading
import weakref

import pytest

from smsworks_async.webhooks import Webhooks
from smsworks_async.webhooks.executors import ThreadExecutor
from smsworks_async.webhooks.renewals import Renewals


class Job:
    def __init__(self, work):
        self.work = work
        self.ended = False

    def done(self):
        return self.ended

    async def wait(self):
        self.ended = True


class Executor:
    """Records delayed calls and started work."""

    def __init__(self):
        self.timers = []
        self.started = []
        self.without_threads = False

    def call_later(self, seconds, function):
        if self.without_threads:
            raise RuntimeError("can't start new thread")
        self.timers.append((seconds, function))

    def start(self, work, context):
        if self.without_threads:
            raise RuntimeError("can't start new thread")
        self.started.append(Job(work))
        return self.started[-1]

    def fire(self):
        [(_, function)], self.timers = self.timers, []
        function()


@pytest.fixture
def executor():
    return Executor()


async def test_renewals_cost_one_timer_for_all_claims_that_end_before_it_fires(executor):
    renewals = Renewals(executor)
    for _ in range(1000):
        await renewals.end(renewals.begin(asyncio.sleep, 20.0))
    assert [seconds for seconds, _ in executor.timers] == [20.0]
    executor.fire()
    assert executor.started == []
    assert executor.timers == [], "it stands still while nothing is held"
    renewals.begin(asyncio.sleep, 20.0)
    assert len(executor.timers) == 1


async def test_renewals_run_for_each_held_claim_when_the_timer_fires_and_not_after_its_end(
    executor,
):
    renewals = Renewals(executor)
    one, two = "one", "two"
    held = {name: renewals.begin(name, 20.0) for name in (one, two)}
    executor.fire()
    assert {job.work for job in executor.started} == {one, two}
    for job in executor.started:
        job.ended = True
    await renewals.end(held[one])
    executor.fire()
    assert [job.work for job in executor.started[2:]] == [two]


async def test_renewals_never_overlap_and_the_last_is_waited_for_at_the_end(executor):
    renewals = Renewals(executor)
    held = renewals.begin("slow", 20.0)
    for _ in range(3):
        executor.fire()
    [job] = executor.started
    await renewals.end(held)
    assert job.ended


async def test_renewals_set_the_timer_at_the_next_claim_where_no_thread_could_be_started(
    executor, caplog
):
    renewals = Renewals(executor)
    renewals.begin("one", 20.0)
    executor.without_threads = True
    executor.fire()
    assert caplog.text.count("could not be renewed") == 2
    with pytest.raises(RuntimeError):
        renewals.begin("two", 20.0)
    executor.without_threads = False
    renewals.begin("three", 20.0)
    executor.fire()
    assert {job.work for job in executor.started} == {"one", "three"}


def test_renewals_timer_does_not_keep_its_application_alive():
    executor = ThreadExecutor()
    executor.renewals().begin(asyncio.sleep, 3600.0)
    seen = weakref.ref(executor)
    del executor
    gc.collect()
    assert seen() is None


def post(application, message_id):
    body = json.dumps({"messageid": message_id, "status": "DELIVERED"}).encode()
    answers = []
    environ = {
        "REQUEST_METHOD": "POST",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    application(environ, lambda status, _: answers.append(status))
    return answers


def test_renewals_start_one_thread_for_a_thousand_reports_under_wsgi(monkeypatch):
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(
        threading.Thread, "start", lambda thread: (started.append(thread.name), start(thread))
    )
    application = Webhooks(on_report=lambda report: None, insecure=True).wsgi()
    for number in range(1000):
        assert post(application, str(number)) == ["200 OK"]
    assert started == ["webhook claims"]


def test_webhooks_hand_no_report_on_whose_claim_could_not_be_renewed(monkeypatch, caplog):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    handled = []
    application = Webhooks(on_report=handled.append, insecure=True).wsgi()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert post(application, "1") == ["503 Service Unavailable"]
    assert handled == []
    assert post(application, "1") == ["200 OK"]
    assert len(handled) == 1
