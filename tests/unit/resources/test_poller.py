"""Waiting for messages: the times and kinds of requests, and the results of waits."""

from __future__ import annotations

import asyncio
import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    InvalidMessage,
    MessageRecord,
    NotAuthorised,
    NotFound,
    ServiceError,
    StillInFlight,
    ValidationError,
)
from smsworks_async.resources._poller import LOOKUPS, MARGIN, PAGE, REACH, StatusPoller
from support.clock import SteppedClock, settle
from support.internals import poller_of, waits_of
from support.waiting import until


START = datetime(2031, 3, 25, 12, tzinfo=UTC)


class Account:
    """The provider: records, and every request for them with its time."""

    def __init__(self, clock):
        self.clock = clock
        self.records = {}
        self.hidden = set()  # from searches
        self.searches = []
        self.lookups = []
        self.error = None

    def put(self, message_id, status="SENT", created=START):
        self.records[message_id] = MessageRecord(message_id, status, created=created)

    async def search(self, *, from_, limit, skip):
        self.searches.append((self.clock.monotonic(), from_, skip))
        if self.error is not None:
            raise self.error
        found = [
            record
            for record in self.records.values()
            if record.message_id not in self.hidden
            and (record.created is None or record.created >= from_)
        ]
        return found[skip : skip + limit]

    async def get(self, message_id):
        self.lookups.append((self.clock.monotonic(), message_id))
        if self.error is not None:
            raise self.error
        if message_id not in self.records:
            raise NotFound("no such message", status=400, code=4008)
        return self.records[message_id]


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def account(clock):
    return Account(clock)


@pytest.fixture
async def poller(account, clock):
    return StatusPoller(account, clock.monotonic, clock.sleep)


def begin(poller, *message_ids, seconds=1000.0):
    return [asyncio.ensure_future(poller.until_final(one, seconds)) for one in message_ids]


async def test_poller_answers_a_single_wait_as_soon_as_the_message_is_final(poller, account, clock):
    account.put("1")
    [waiter] = begin(poller, "1")
    await clock.turn(2.5)
    assert not waiter.done()
    account.put("1", "DELIVERED")
    await clock.turn(2)
    assert (await waiter).status == "DELIVERED"
    assert account.searches == []
    assert not clock.has_sleepers


async def test_poller_pauses_grow_to_half_a_minute_and_no_further(poller, account, clock):
    account.put("1")
    [waiter] = begin(poller, "1")
    await clock.turn(200)
    times = [at for at, _ in account.lookups]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[:4] == [1.0, 1.0, 1.0, 1.5]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0
    assert len(times) < 20
    waiter.cancel()


async def test_poller_makes_one_search_for_many_waits(poller, account, clock):
    numbers = [str(number) for number in range(500)]
    for number in numbers:
        account.put(number)
    waiters = begin(poller, *numbers)
    await clock.turn(0.5)
    for number in numbers:
        account.put(number, "DELIVERED")
    await clock.turn(1)
    assert {(await waiter).message_id for waiter in waiters} == set(numbers)
    # The first poll uses our clock, and finds none that was made by another one; some records that
    # are read by their ids tell the provider's time.
    assert len(account.lookups) <= LOOKUPS
    assert len(account.searches) == 2


async def test_poller_searches_from_the_oldest_message_and_an_hour_back_at_most(
    poller, account, clock
):
    account.put("1", created=START)
    account.put("2", created=START - timedelta(minutes=30))
    account.put("3", created=START - timedelta(days=2))
    account.put("4", created=None)
    waiters = begin(poller, "1", "2", "3", "4")
    await clock.turn(2)
    _, since, _ = account.searches[0]
    assert abs(datetime.now(UTC) - MARGIN - since) < timedelta(minutes=1)
    assert {since for _, since, _ in account.searches[1:]} == {START - REACH - MARGIN}
    assert {one for at, one in account.lookups if at > 0} == {"3"}  # too old to be searched for
    for waiter in waiters:
        waiter.cancel()


async def test_poller_looks_up_by_id_a_few_at_a_time_what_a_search_does_not_show(
    poller, account, clock
):
    numbers = [str(number) for number in range(20)]
    for number in numbers:
        account.put(number, "DELIVERED")
    account.hidden = set(numbers)
    waiters = begin(poller, *numbers)
    await clock.turn(0)
    assert len(account.lookups) == LOOKUPS
    await clock.turn(5)
    assert all(waiter.done() for waiter in waiters)
    assert len(account.lookups) == 20  # each once


async def test_poller_reads_no_more_pages_than_there_are_waits(poller, account, clock):
    now = datetime.now(UTC)
    for number in range(3 * PAGE):
        account.put(f"other-{number}", created=now)
    account.put("1", "DELIVERED", created=now)
    account.put("2", "DELIVERED", created=now)
    account.get = None  # a read by id would be a mistake: PAGES is enough for all
    waiters = begin(poller, "1", "2", "other-0", "other-1")
    await clock.turn(0)
    assert [skip for _, _, skip in account.searches] == [0, PAGE, 2 * PAGE, 3 * PAGE]
    for waiter in waiters[:2]:
        assert (await waiter).status == "DELIVERED"
    for waiter in waiters[2:]:
        waiter.cancel()


async def test_poller_continues_where_the_poll_before_ended(poller, account, clock):
    now = datetime.now(UTC)
    for number in range(3 * PAGE):
        account.put(f"other-{number}", created=now)
    account.put("1", created=now)
    account.put("2", created=now)
    waiters = begin(poller, "1", "2")
    await clock.turn(2)
    assert [skip for _, _, skip in account.searches] == [0, PAGE, 2 * PAGE, 3 * PAGE, 0, PAGE]
    for waiter in waiters:
        waiter.cancel()


async def test_poller_polls_soon_for_a_new_wait_though_the_others_have_waited_long(
    poller, account, clock
):
    account.put("1")
    account.put("2", "DELIVERED")
    [old] = begin(poller, "1")
    await clock.turn(100)
    asked = len(account.lookups)
    [new] = begin(poller, "2")
    await clock.turn(1)
    assert (await new).status == "DELIVERED"
    assert len(account.lookups) <= asked + 2
    old.cancel()


async def test_poller_polls_once_a_second_at_most_for_a_stream_of_new_waits(poller, account, clock):
    waiters = []
    for number in range(100):
        account.put(str(number), created=datetime.now(UTC))
        waiters += begin(poller, str(number))
        await clock.turn(0.1)
    assert len(account.searches) <= 11
    for waiter in waiters:
        waiter.cancel()


async def test_notify_of_a_final_status_ends_the_wait_at_once(poller, account, clock):
    account.put("1")
    [first, second] = begin(poller, "1", "1")
    await clock.turn(0)
    told = MessageRecord("1", "DELIVERED")
    poller.notify(MessageRecord("1", "ACCEPTED"))
    poller.notify(MessageRecord("2", "DELIVERED"))
    await asyncio.to_thread(poller.notify, told)
    await settle()
    assert await first is told
    assert await second is told
    poller.notify(told)  # to nobody


async def test_poller_says_how_far_a_message_had_got_when_the_time_is_over(poller, account, clock):
    account.put("1", "ACCEPTED")
    known, unknown = begin(poller, "1", "2", seconds=1.5)
    poller.notify(MessageRecord("2", "SENT"))
    await clock.turn(1.6)
    with pytest.raises(StillInFlight, match="last seen as ACCEPTED") as caught:
        await known
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.message_id, copy.status, copy.safe_to_repeat) == ("1", "ACCEPTED", True)
    with pytest.raises(StillInFlight):
        await unknown


async def test_poller_says_of_a_message_that_was_never_seen_that_it_was_not(poller, account, clock):
    [waiter] = begin(poller, "1", seconds=0)
    await clock.turn(0)
    with pytest.raises(StillInFlight, match="has not been seen yet") as caught:
        await waiter
    assert caught.value.status is None


async def test_poller_raises_not_found_after_three_misses_in_a_row(poller, account, clock):
    [waiter] = begin(poller, "1")
    await clock.turn(1.5)
    assert not waiter.done()
    await clock.turn(1)
    with pytest.raises(NotFound):
        await waiter


async def test_poller_outlasts_temporary_failures(poller, account, clock):
    account.put("1", "DELIVERED")
    account.error = ServiceError("down", status=503, permanent=False)
    [waiter] = begin(poller, "1")
    await clock.turn(10)
    assert not waiter.done()
    account.error = None
    await clock.turn(30)
    assert (await waiter).status == "DELIVERED"


@pytest.mark.parametrize(
    "error",
    [NotAuthorised("no", status=403), ConfigurationError("closed"), RuntimeError("a mistake")],
)
async def test_poller_ends_all_waits_with_a_permanent_failure(poller, account, clock, error):
    account.error = error
    waiters = begin(poller, "1", "2")
    await clock.turn(0)
    for waiter in waiters:
        with pytest.raises(type(error)):
            await waiter
    account.error = None
    account.put("1", "DELIVERED")
    [again] = begin(poller, "1")
    await clock.turn(0)
    assert (await again).status == "DELIVERED"


async def test_poller_ends_with_the_last_wait(poller, account, clock):
    account.put("1")
    account.put("2")
    first, second = begin(poller, "1", "2")
    await clock.turn(0)
    first.cancel()
    await settle()
    asked = len(account.lookups)
    await clock.turn(5)
    assert len(account.lookups) > asked
    second.cancel()
    await settle()
    assert not clock.has_sleepers
    asked = len(account.lookups)
    await clock.turn(100)
    assert len(account.lookups) == asked


async def test_poller_close_ends_all_waits(poller, account, clock):
    account.put("1")
    [waiter] = begin(poller, "1")
    await clock.turn(0)
    poller.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await waiter


def test_poller_forgets_waits_of_a_loop_that_has_closed(account, clock):
    poller = StatusPoller(account, clock.monotonic, clock.sleep)
    account.put("1")

    async def begin_only():
        begin(poller, "1")
        await settle()

    async def wait():
        account.put("1", "DELIVERED")
        return await poller.until_final("1", None)

    asyncio.run(begin_only())
    poller.notify(MessageRecord("1", "DELIVERED"))
    assert asyncio.run(wait()).status == "DELIVERED"


async def test_wait_checks_its_arguments_before_any_request():
    async with AsyncSMSWorks("eyJ") as sms:
        with pytest.raises(ValidationError):
            await sms.messages.wait("../1")
        for seconds in (-1, float("nan")):
            with pytest.raises(ValidationError, match="timeout"):
                await sms.messages.wait("1", timeout=seconds)
    with pytest.raises(ConfigurationError, match="closed"):
        await sms.messages.wait("1")


async def test_wait_of_a_client_ends_with_a_notify_of_its_poller(monkeypatch):
    async with AsyncSMSWorks("eyJ") as sms:
        poller = poller_of(sms)
        monkeypatch.setattr(poller._source, "get", lambda *_: asyncio.sleep(3600))
        waiter = asyncio.ensure_future(sms.messages.wait("1", timeout=None))
        await until(lambda: "1" in waits_of(sms))
        poller.notify(MessageRecord("1", "EXPIRED"))
        assert (await waiter).status == "EXPIRED"


async def test_notify_is_harmless_for_a_loop_that_has_closed(poller, account, clock):
    account.put("1")
    [waiter] = begin(poller, "1")
    await clock.turn(0)
    closed = asyncio.new_event_loop()
    closed.close()
    poller._loop = closed
    poller.notify(MessageRecord("1", "DELIVERED"))
    waiter.cancel()


async def test_notify_during_a_poll_spares_the_lookup(poller, account, clock):
    for number in "12":
        account.put(number)
    account.hidden = {"1", "2"}
    waiters = begin(poller, "1", "2")
    ask = account.get

    async def get(message_id):
        poller.notify(MessageRecord("2", "DELIVERED"))
        await asyncio.sleep(0)
        return await ask(message_id)

    account.get = get
    await clock.turn(0)
    assert [one for _, one in account.lookups] == ["1"]
    assert (await waiters[1]).status == "DELIVERED"
    waiters[0].cancel()


async def test_poller_ends_only_the_wait_for_an_id_that_the_api_rejects(poller, account, clock):
    account.put("1")
    get = account.get

    async def get_or_reject(message_id):
        if message_id == "x":
            raise InvalidMessage("invalid id", status=400)
        return await get(message_id)

    account.get = get_or_reject
    wrong, right = begin(poller, "x", "1")
    await clock.turn(0)
    with pytest.raises(InvalidMessage):
        await wrong
    account.put("1", "DELIVERED")
    await clock.turn(30)
    assert (await right).status == "DELIVERED"


async def test_poller_ignores_dates_before_there_were_messages(poller, account, clock):
    for message_id in "12":
        account.put(message_id, created=datetime.min.replace(tzinfo=UTC))
    waiters = begin(poller, "1", "2")
    await clock.turn(5)
    assert not any(waiter.done() for waiter in waiters)
    for message_id in "12":
        account.put(message_id, "DELIVERED")
    await clock.turn(30)
    assert [(await waiter).status for waiter in waiters] == ["DELIVERED"] * 2
