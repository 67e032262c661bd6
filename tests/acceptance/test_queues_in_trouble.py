"""Tasks that Redis delivers twice, in another order, late, and again while they are being run."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.processes import environment
from support.queue_workers import Workers
from support.redis_server import IS_THERE, redis_server
from support.sandboxes import AT_ONCE
from support.task_runs import runs_in
from support.waiting import until


pytestmark = pytest.mark.skipif(not IS_THERE, reason="there is no Redis; see SMSWORKS_TEST_REDIS")
#: The visibility time-out of the broker in seconds.
VISIBILITY = 1.0


class CeleryQueue:
    """The queue of tasks as Redis has it, for Celery."""

    def __init__(self, url):
        import celery
        from redis import Redis

        from smsworks_async.queues.celery import Campaigns

        self._redis = Redis.from_url(url)
        self._app = celery.Celery("campaigns", broker=url)
        self._campaigns = Campaigns(self._app, client=None)

    async def dispatch(self, campaign, tasks):
        self._campaigns.dispatch(campaign, tasks=tasks)

    def take_all(self):
        """Remove and return the waiting messages."""
        taken = self._redis.lrange("celery", 0, -1)
        self._redis.delete("celery")
        return taken

    def id_of(self, message):
        return json.loads(message)["headers"]["id"]

    def put(self, message):
        self._redis.lpush("celery", message)

    def is_listened_to(self):
        return bool(self._redis.exists("_kombu.binding.celery.pidbox"))

    def is_empty(self):
        return not (self._redis.llen("celery") or self._redis.zcard("unacked_index"))

    async def close(self):
        self._app.close()
        self._redis.close()


class TaskiqQueue:
    """The same for taskiq."""

    def __init__(self, url):
        from redis import Redis
        from taskiq_redis import RedisStreamBroker

        from smsworks_async.queues.taskiq import Campaigns

        self._redis = Redis.from_url(url)
        self._broker = RedisStreamBroker(url)
        self._campaigns = Campaigns(self._broker, client=None)

    async def dispatch(self, campaign, tasks):
        await self._campaigns.dispatch(campaign, tasks=tasks)

    def take_all(self):
        taken = [fields[b"data"] for _, fields in self._redis.xrange("taskiq")]
        self._redis.delete("taskiq")
        return taken

    def id_of(self, message):
        return json.loads(message)["task_id"]

    def put(self, message):
        self._redis.xadd("taskiq", {"data": message})

    def is_listened_to(self):
        return bool(self._redis.exists("taskiq") and self._redis.xinfo_groups("taskiq"))

    def is_empty(self):
        (group,) = self._redis.xinfo_groups("taskiq")
        return not (group["lag"] or group["pending"])

    async def close(self):
        await self._broker.shutdown()
        self._redis.close()


QUEUES = {"celery": CeleryQueue, "taskiq": TaskiqQueue}


@pytest.mark.parametrize("queue", QUEUES)
async def test_campaigns_are_texted_once_whatever_a_broker_does_with_tasks(
    queue, postgres_url, box, tmp_path, record_property
):
    pytest.importorskip("taskiq_redis" if queue == "taskiq" else "celery")
    chance = random.Random(20310504)
    people = drama(200)
    with redis_server(tmp_path) as url:
        tasks = QUEUES[queue](url)
        async with AsyncSMSWorks(
            box.token, base_url=box.base_url, journal=postgres_url, retry=AT_ONCE
        ) as sms:
            await sms.bulk.plan(**TEXT_TO_MANY, destinations=people, chunk_size=5, campaign="x")
            await tasks.dispatch("x", tasks=4)
            given = tasks.take_all()
            assert len(given) == 4
            doubled = [*given, *given]
            chance.shuffle(doubled)
            early, late = doubled[:5], doubled[5:]
            box.add_fault(Fault(path="/batch/send", when="hold", times=0))
            ids = {tasks.id_of(message) for message in given}
            assert len(ids) == len(given)

            def runs():
                return sum(runs_in(tmp_path / "runs")[one] for one in ids)

            variables = environment(
                TEST_BROKER=url,
                TEST_JOURNAL=postgres_url,
                TEST_RUNS=str(tmp_path / "runs"),
                TEST_VISIBILITY=str(VISIBILITY),
                TEST_TIMEOUT="60",
                SMSWORKS_TOKEN=box.token,
                SMSWORKS_BASE_URL=box.base_url,
            )
            workers = Workers(queue, 2, variables)
            try:
                await until(tasks.is_listened_to)
                for message in early:
                    tasks.put(message)
                await until(lambda: len(box.requests) >= 8)
                await asyncio.sleep(1.5 * VISIBILITY)
                tasks.put(late[0])
                await asyncio.sleep(1.5 * VISIBILITY)
                box.clear_faults()
                box.release()
                while not (await sms.bulk.status("x")).settled:
                    await asyncio.sleep(0.05)
                for message in late[1:]:
                    tasks.put(message)
                # Each queued task is run, and at least one of them again.
                await until(lambda: runs() > len(doubled))
                await until(tasks.is_empty)
            finally:
                workers.end_all()
                await tasks.close()
            report = await sms.bulk.reconcile("x", settle=0)
    assert set(box.accepted_by_destination().values()) == {1}
    assert report.accepted == len(people)
    record_property("figures", f"4 tasks, delivered {runs()} times: 200 texted once, 0 twice")
