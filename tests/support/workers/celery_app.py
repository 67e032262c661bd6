"""The Celery application of a worker that sends campaigns."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import task_prerun

from smsworks_async import SMSWorks
from smsworks_async.queues.celery import Campaigns
from support.task_runs import note


VISIBLE = float(os.environ.get("TEST_VISIBILITY", "3600"))
app = Celery("campaigns", broker=os.environ["TEST_BROKER"])
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_transport_options = {
    "visibility_timeout": VISIBLE,
    "unacked_restore_interval": min(VISIBLE, 10.0),
    "unacked_restore_throttle": 1,
}
campaigns = Campaigns(
    app,
    # Short, so that a lease ends within the test.
    client=lambda: SMSWorks(
        journal=os.environ["TEST_JOURNAL"], timeout=float(os.environ.get("TEST_TIMEOUT", "2"))
    ),
    seconds=2,
)


@task_prerun.connect
def note_run(task_id, **_):
    note(task_id)
