"""The taskiq broker of a worker that sends campaigns."""

from __future__ import annotations

import os

from taskiq_redis import RedisStreamBroker

from smsworks_async import AsyncSMSWorks
from smsworks_async.queues.taskiq import Campaigns


broker = RedisStreamBroker(os.environ["TEST_BROKER"])
campaigns = Campaigns(
    broker,
    client=lambda: AsyncSMSWorks(journal=os.environ["TEST_JOURNAL"], timeout=2),
    seconds=2,
)
