"""The Celery application of a worker that sends campaigns."""

from __future__ import annotations

import os

from celery import Celery

from smsworks_async import SMSWorks
from smsworks_async.queues.celery import Campaigns


app = Celery("campaigns", broker=os.environ["TEST_BROKER"])
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
campaigns = Campaigns(
    app,
    # Short, so that a lease ends within the test.
    client=lambda: SMSWorks(journal=os.environ["TEST_JOURNAL"], timeout=2),
    seconds=2,
)
