"""Campaigns over a real Celery worker, in threads of this process."""

from __future__ import annotations

import itertools

import pytest

from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama


celery = pytest.importorskip("celery")
pytest.importorskip("celery.signals")
testing = pytest.importorskip("celery.contrib.testing.worker")

from smsworks_async.queues.celery import Campaigns  # noqa: E402


names = itertools.count()


@pytest.fixture
def app():
    def leave_logging_alone(**_):
        """Keep Celery from configuring the logging of this process, which other tests check."""

    celery.signals.setup_logging.connect(leave_logging_alone)
    yield celery.Celery("tests", broker=f"memory://{next(names)}", backend="cache+memory://")
    celery.signals.setup_logging.disconnect(leave_logging_alone)


@pytest.fixture
def sms(hosted, tmp_path):
    with hosted.client(journal=tmp_path / "x.db") as client:
        client.bulk.plan(**TEXT_TO_MANY, destinations=drama(100), chunk_size=10, campaign="x")
        yield client


class Queue:
    """A queue from which tasks are never delivered."""

    def __init__(self, campaigns):
        self.queued = []
        campaigns.work = self

    def delay(self, campaign):
        self.queued.append(campaign)


def accepted(hosted):
    return hosted.do(lambda box: box.accepted_by_destination())


def test_tasks_send_a_campaign_whoever_gets_them(app, hosted, sms):
    campaigns = Campaigns(app, client=lambda: sms, seconds=0.01)
    with testing.start_worker(app, pool="threads", concurrency=4, perform_ping_check=False):
        campaigns.dispatch("x", tasks=4)
        campaigns.dispatch("x", tasks=4)
        while not sms.bulk.status("x").settled:
            pass
    assert len(accepted(hosted)) == 100
    assert set(accepted(hosted).values()) == {1}


def test_tasks_belong_to_their_application_alone(app, sms):
    Campaigns(app, client=lambda: sms)
    other = celery.Celery("other", broker="memory://")
    other.finalize()
    assert not [name for name in other.tasks if name.startswith("smsworks")]


def test_a_task_queues_another_only_while_there_is_more(app, hosted, sms):
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", when="hold", delay=0.2)))
    campaigns = Campaigns(app, client=lambda: sms, seconds=0.1)
    work, queue = campaigns.work, Queue(campaigns)
    work("x")
    assert queue.queued == ["x"], "its time was over"
    brief = Campaigns(app, client=lambda: sms, name="brief")
    work, queue = brief.work, Queue(brief)
    work("x")
    assert sms.bulk.status("x").settled
    sms.bulk.plan(**TEXT_TO_MANY, destinations=drama(10), campaign="paused")
    sms.bulk.pause("paused")
    work("paused")
    assert queue.queued == []


def test_tend_dispatches_again_where_nothing_is_being_sent(app, sms):
    campaigns = Campaigns(app, client=lambda: sms)
    queue = Queue(campaigns)
    assert campaigns.tend_now("x") > 0
    assert queue.queued == ["x"] * 8


def test_tend_reconciles_and_tells_once_what_came_of_it(app, hosted, sms):
    done = []
    campaigns = Campaigns(app, client=lambda: sms, on_done=done.append)
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", when="after")))
    campaigns.work("x")
    assert sms.bulk.status("x").unknown == 10
    assert campaigns.tend("x") == 0.0
    assert campaigns.tend("x") == 0.0
    (report,) = done
    assert (report.accepted, report.unknown) == (100, 0)
    assert set(accepted(hosted).values()) == {1}
