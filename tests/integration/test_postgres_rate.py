"""One rate for an account, in a real PostgreSQL: `rates.PostgresRate`."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import ConfigurationError, JournalError, ValidationError
from smsworks_async.rates import PostgresRate
from smsworks_async.sandbox import Fault
from support.postgres import execute
from support.sandboxes import client


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
#: Slow enough for no machine to be slower: a request in a thousand seconds.
SLOW = 0.001


@pytest.fixture
def rate(postgres_url):
    """Create rates whose waits are recorded instead of made."""

    def make(account="acme", per_second=SLOW):
        one = PostgresRate(postgres_url, account=account, per_second=per_second)
        one.waits = []

        async def sleep(seconds):
            one.waits.append(round(seconds, -2))
            await asyncio.sleep(0)

        one._sleep = sleep
        return one

    return make


async def test_acquire_gives_each_request_the_next_free_moment(rate):
    async with rate() as one:
        for _ in range(4):
            await one.acquire()
        assert one.waits == [1000, 2000, 3000]


async def test_processes_of_an_account_share_a_rate_and_others_do_not(rate):
    async with rate() as one, rate() as same, rate("other") as other:
        for each in (one, same, other, same, one):
            await each.acquire()
        assert (one.waits, same.waits, other.waits) == ([3000], [1000, 2000], [])


async def test_change_is_obeyed_by_all_at_once(rate):
    async with rate() as one, rate() as same:
        await one.acquire()
        await same.acquire()
        await one.change(SLOW * 10)
        await same.acquire()
        await same.acquire()
        assert same.waits == [1000, 200, 300]


async def test_a_slot_that_a_slower_rate_has_put_far_ahead_moves(rate):
    async with rate(per_second=1e-4) as slow:
        await slow.acquire()
    async with rate(per_second=0.01) as faster:
        for _ in range(3):
            await faster.acquire()
        assert faster.waits == [100, 200, 300]


async def test_a_rate_that_is_set_again_moves_no_slot(rate):
    async with rate() as one, rate() as same:
        await one.acquire()
        await same.acquire()
        await same.change(SLOW)
        await same.acquire()
        assert same.waits == [1000, 2000]


async def test_the_process_that_is_started_last_decides(rate):
    async with rate() as one:
        await one.acquire()
        async with rate(per_second=1e6) as faster:
            await faster.acquire()
        await one.acquire()
        assert one.waits == []


async def test_one_request_of_a_process_waits_at_a_time(rate):
    async with rate() as one:
        holds, lets_go = asyncio.Event(), asyncio.Event()

        async def sleep(_):
            holds.set()
            await lets_go.wait()

        one._sleep = sleep
        await one.acquire()
        calls = [asyncio.ensure_future(one.acquire()) for _ in range(3)]
        await holds.wait()
        async with rate() as another:
            await another.acquire()
            assert another.waits == [2000], "the other two have taken nothing yet"
        lets_go.set()
        await asyncio.gather(*calls)


async def test_every_request_of_a_client_is_charged_once_retries_included(box, rate):
    box.add_fault(Fault(path="/message/send", status=429, times=2, retry_after=0))
    async with rate() as one, client(box, max_rate=one) as sms:
        await sms.messages.send(**TEXT)
        assert len(box.requests) == 3
        assert one.waits == [1000, 2000]


async def test_a_lost_connection_is_made_again(rate, postgres_url):
    async with rate() as one:
        await one.acquire()
        await execute(
            postgres_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid != pg_backend_pid()",
        )
        await one.change(SLOW * 10)
        await one.acquire()
        assert one.waits == [100]


async def test_a_closed_rate_is_refused(rate):
    one = rate()
    await one.close()
    await one.close()
    with pytest.raises(JournalError, match="closed"):
        await one.acquire()


@pytest.mark.parametrize(
    ("name", "value"),
    [("account", ""), ("account", "x" * 101), ("account", None), ("per_second", 0)]
    + [("per_second", value) for value in (None, "fast", float("nan"), 1e9)],
)
def test_rate_refuses_what_it_cannot_be(name, value):
    given = {"account": "acme", "per_second": 5, name: value}
    with pytest.raises(ValidationError) as caught:
        PostgresRate("postgresql://127.0.0.1/sms", **given)
    assert caught.value.field == name


def test_rate_refuses_a_url_of_something_else():
    with pytest.raises(ConfigurationError) as caught:
        PostgresRate("mysql://u:hunter2@127.0.0.1/sms", account="acme", per_second=5)
    assert "hunter2" not in str(caught.value)
