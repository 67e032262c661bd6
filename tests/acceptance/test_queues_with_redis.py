"""A campaign over four workers of a queue in a real Redis, one of them killed every two seconds."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import time
from collections import Counter

import pytest

from smsworks_async import SMSWorks
from support.messages import TEXT_TO_MANY
from support.processes import WORKERS, environment
from support.queue_workers import RegularKills, Workers
from support.redis_server import IS_THERE, redis_server
from support.waiting import PATIENCE


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IS_THERE, reason="there is no Redis; see SMSWORKS_TEST_REDIS"),
]

#: The seconds between two kills.
INTERVAL = 2.0
#: A campaign of this size takes longer than this many kills, on a fast machine, too.
FEWEST_KILLS = 5
#: The fewest texts that four kills must let through, so that there are at most 800 kills.
LEAST_PROGRESS = 500
#: The seconds for 800 kills, and some for the rest.
LIMIT = 3 * PATIENCE
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
    redis = pytest.importorskip("redis")
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
        accepted = functools.partial(hosted.do, lambda box: box.accepted())
        kills = RegularKills(workers, INTERVAL, accepted, LEAST_PROGRESS)
        began = time.monotonic()

        def tend():
            call("tend_now")
            assert kills.error is None
            assert time.monotonic() - began < LIMIT
            return sms.bulk.status("opening")

        try:
            call("dispatch")
            call("dispatch")
            with kills:
                while not kills.moments:
                    tend()
                with redis.Redis.from_url(broker) as database:
                    database.flushall()
                while tend().not_sent:
                    pass
            seconds = time.monotonic() - began
            # A chunk that was killed between its claim and its request stays unknown.
            looks = 0
            while looks <= LOOKS and not (status := tend()).settled:
                looks = 0 if status.not_sent or status.in_flight else looks + 1
        finally:
            workers.end_all()
        report = sms.bulk.reconcile("opening", settle=0.0)
    texted = hosted.do(lambda box: box.accepted_by_destination())
    times = Counter(texted.values())
    gaps = len(kills.moments) - 1
    between = kills.moments[-1] - kills.moments[0]
    record_property(
        "figures",
        f"{len(kills.moments)} kills in {seconds:.0f} s, one every {between / gaps:.2f} s, "
        f"{kills.skipped} skipped; {time.monotonic() - began:.0f} s in all, "
        f"texted once {times[1]}, unknown {report.unknown}",
    )
    assert set(times) == {1}
    assert report.accepted == len(texted)
    assert report.accepted + report.unknown == len(RECIPIENTS)
    assert len(kills.moments) >= FEWEST_KILLS
    assert between < 1.1 * INTERVAL * (gaps + kills.skipped), "no kill waited for anything else"
