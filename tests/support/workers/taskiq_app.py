"""The taskiq broker of a worker that sends campaigns."""

from __future__ import annotations

import os

from taskiq import TaskiqMiddleware
from taskiq_redis import RedisStreamBroker

from smsworks_async import AsyncSMSWorks
from smsworks_async.queues.taskiq import Campaigns
from support.task_runs import note


class NoteRuns(TaskiqMiddleware):
    def pre_execute(self, message):
        note(message.task_id)
        return message


broker = RedisStreamBroker(
    os.environ["TEST_BROKER"],
    idle_timeout=int(1000 * float(os.environ.get("TEST_VISIBILITY", "600"))),
    xread_block=200,
).with_middlewares(NoteRuns())
campaigns = Campaigns(
    broker,
    client=lambda: AsyncSMSWorks(
        journal=os.environ["TEST_JOURNAL"], timeout=float(os.environ.get("TEST_TIMEOUT", "2"))
    ),
    seconds=2,
)
