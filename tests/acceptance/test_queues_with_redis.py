"""A campaign over four workers of a queue in a real Redis, one of them killed every two seconds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter

import pytest

from smsworks_async import SMSWorks
from support.messages import TEXT_TO_MANY
from support.processes import WORKERS, environment
from support.queue_workers import Workers
from support.redis_server import IS_THERE, redis_server
from support.waiting import PATIENCE


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IS_THERE, reason="there is no Redis; see SMSWORKS_TEST_REDIS"),
]

#: How often unknown chunks are searched for after everything else is done.
LOOKS = 3
RECIPIENTS = [f"4477{n:08d}" for n in range(100_000)]


@pytest.fixture
def broker(tmp_path):
    with redis_server(tmp_path) as url:
        yield url


def in_process(queue, variables):
    """Return the functions that dispatch and tend, as an application has them."""
    program = (
        f"import sys, asyncio; from {queue}_app import campaigns; "
        "call = getattr(campaigns, sys.argv[1])(sys.argv[2]); "
        "done = asyncio.run(call) if asyncio.iscoroutine(call) else call; print(done)"
    )

    def call(name):
        return subprocess.run(
            [sys.executable, "-c", program, name, "opening"],
            cwd=WORKERS,
            env=variables,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    return call


@pytest.mark.parametrize("journal", ["sqlite", "postgres"])
@pytest.mark.parametrize("queue", ["celery", "taskiq"])
def test_a_campaign_of_100_000_is_texted_once_whatever_is_killed(  # noqa: PLR0917 - fixtures
    queue, journal, broker, tmp_path, hosted, record_property, request
):
    pytest.importorskip("redis")
    pytest.importorskip("taskiq_redis" if queue == "taskiq" else "celery")
    path = str(tmp_path / "campaigns.db")
    if journal == "postgres":
        databases = request.getfixturevalue("postgres_databases")
        path = asyncio.run(databases.create())
    hosted.do(lambda box: setattr(box, "credits", 1e9))
    variables = environment(
        TEST_BROKER=broker,
        TEST_JOURNAL=path,
        SMSWORKS_TOKEN=hosted.box.token,
        SMSWORKS_BASE_URL=hosted.box.base_url,
    )
    call = in_process(queue, variables)
    with SMSWorks(hosted.box.token, base_url=hosted.box.base_url, journal=path) as sms:
        sms.bulk.plan(**TEXT_TO_MANY, destinations=RECIPIENTS, chunk_size=10, campaign="opening")
        workers = Workers(queue, 4, variables)
        began, flushed, looks, killed_at = time.monotonic(), False, 0, 0
        try:
            call("dispatch")
            call("dispatch")
            next_kill = began + 2
            while True:
                status = sms.bulk.status("opening")
                # A chunk that was killed between its claim and its request stays unknown.
                looks = 0 if status.not_sent or status.in_flight else looks + 1
                if looks and (not status.unknown or looks > LOOKS):
                    break
                # On a slow machine all would be killed before sending anything.
                progress = status.accepted + status.unknown
                if time.monotonic() > next_kill and status.not_sent and progress > killed_at:
                    workers.kill_the_oldest()
                    next_kill, killed_at = time.monotonic() + 2, progress
                    if workers.kills == 1 and not flushed:
                        flushed = True
                        import redis

                        redis.Redis.from_url(broker).flushall()
                call("tend_now")
                assert time.monotonic() - began < PATIENCE
        finally:
            workers.end_all()
        report = sms.bulk.reconcile("opening", settle=0.0)
    texted = hosted.do(lambda box: box.accepted_by_destination())
    times = Counter(texted.values())
    record_property(
        "figures",
        f"{workers.kills} kills, {time.monotonic() - began:.0f} s, "
        f"texted once {times[1]}, unknown {report.unknown}",
    )
    assert set(times) == {1}
    assert report.accepted == len(texted)
    assert report.accepted + report.unknown == len(RECIPIENTS)
    assert flushed
