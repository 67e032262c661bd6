"""A caller's rate: an object that is awaited before each request."""

from __future__ import annotations

import asyncio
import functools
import threading
import traceback

import pytest
from aiolimiter import AsyncLimiter

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    ConfigurationError,
    NotAuthenticated,
    NotSent,
    RateLimited,
    SMSWorks,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE


class Counting:
    """Admit every request, or raise at one of them."""

    def __init__(self, error=None, at=1):
        self.acquired = 0
        self.threads = set()
        self._error = error
        self._at = at

    async def acquire(self):
        await asyncio.sleep(0)
        self.acquired += 1
        self.threads.add(threading.current_thread())
        if self._error is not None and self.acquired == self._at:
            raise self._error


def client(box, rate, **settings):
    given = {"base_url": box.base_url, "retry": AT_ONCE, "max_rate": rate, **settings}
    return AsyncSMSWorks(**{"token": box.token, **given})


async def test_max_rate_is_acquired_once_for_each_request_repetitions_included(box):
    box.add_fault(Fault(path="/message/send", status=429, times=2))
    rate = Counting()
    async with client(box, rate) as sms:
        await sms.messages.send(**TEXT)
        assert rate.acquired == len(box.requests) == 3
        await sms.credits.balance()
        assert rate.acquired == len(box.requests) == 4


async def test_max_rate_is_acquired_for_logins_and_the_request_after_a_refused_token(box):
    rate = Counting()
    login = {"customer_id": box.customer_id, "key": box.key, "secret": box.secret}
    async with client(box, rate, token=None, **login) as sms:
        await sms.credits.balance()
        assert rate.acquired == len(box.requests) == 2
        box.add_fault(Fault(path="/credits/balance", status=401))
        await sms.credits.balance()
    assert rate.acquired == len(box.requests) == 5


@pytest.mark.parametrize("journalled", [False, True])
async def test_max_rate_is_acquired_once_for_each_request_of_bulk(box, journalled):
    box.add_fault(Fault(path="/batch/send", status=429, times=2))
    rate = Counting()
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    async with client(box, rate) as sms:
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(50), chunk_size=10, concurrency=2, **more
        )
    assert report.accepted == box.accepted() == 50
    assert rate.acquired == len(box.requests) == 7


def test_max_rate_is_awaited_by_the_blocking_client_on_its_own_loop(hosted):
    rate = Counting()
    with hosted.client(max_rate=rate) as sms:
        sms.messages.send(**TEXT)
        sms.bulk.send(**TEXT_TO_MANY, destinations=drama(3))
    assert rate.acquired == hosted.do(lambda box: len(box.requests)) == 2
    assert len(rate.threads) == 1
    assert threading.current_thread() not in rate.threads


async def test_max_rate_serves_several_clients(box):
    rate = Counting()
    async with client(box, rate) as one, client(box, rate) as other:
        await asyncio.gather(one.credits.balance(), other.credits.balance())
    assert rate.acquired == 2


async def test_max_rate_wait_uses_the_calls_time_and_then_nothing_was_sent(box):
    class Never:
        async def acquire(self):
            await asyncio.Event().wait()

    async with client(box, Never(), timeout=0.05) as sms:
        with pytest.raises(NotSent):
            await sms.messages.send(**TEXT)
    assert box.requests == []


class OfTheirOwn(Exception):
    pass


# Errors with a different meaning if they come from the API or the clock.
RAISED = [
    OfTheirOwn("no permit"),
    TimeoutError("the rate's own"),
    OSError(5, "its database"),
    NotAuthenticated("its own", status=401),
    RateLimited("its own", status=429, permanent=False),
    NotSent("its own"),
    ConfigurationError("asyncpg is missing"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_max_rate_errors_are_raised_as_they_are_and_nothing_was_sent(box, error):
    rate = Counting(error)
    async with client(box, rate) as sms:
        with pytest.raises(type(error)) as raised:
            await sms.messages.send(**TEXT)
        assert raised.value is error
        assert (rate.acquired, box.requests) == (1, [])
        await sms.messages.send(**TEXT)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_max_rate_errors_are_raised_by_the_blocking_client_as_they_are(hosted, error):
    rate = Counting(error)
    with hosted.client(max_rate=rate) as sms:
        with pytest.raises(type(error)) as raised:
            sms.messages.send(**TEXT)
        assert raised.value is error
        assert hosted.do(lambda box: box.requests) == []
        sms.messages.send(**TEXT)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_max_rate_errors_at_a_login_are_raised_as_they_are(box, error):
    login = {"customer_id": box.customer_id, "key": box.key, "secret": box.secret}
    async with client(box, Counting(error), token=None, **login) as sms:
        with pytest.raises(type(error)) as raised:
            await sms.messages.send(**TEXT)
        assert raised.value is error
    assert box.requests == []


async def test_max_rate_errors_before_a_repetition_are_raised_as_they_are(box):
    box.add_fault(Fault(path="/message/send", status=429, times=2))
    error = OfTheirOwn()
    async with client(box, Counting(error, at=2)) as sms:
        with pytest.raises(OfTheirOwn) as raised:
            await sms.messages.send(**TEXT)
    assert raised.value is error
    assert (len(box.requests), box.accepted()) == (1, 0)


async def test_max_rate_errors_have_a_traceback_without_a_frame_that_holds_the_token(box):
    error = OfTheirOwn()
    async with client(box, Counting(error)) as sms:
        with pytest.raises(OfTheirOwn):
            await sms.messages.send(**TEXT)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][1:]
    assert frames[-1].f_code is Counting.acquire.__code__
    assert not [frame for frame in frames if box.token in f"{frame.f_locals}"]
    assert error.__context__ is error.__cause__ is None


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_max_rate_errors_interrupt_bulk_and_leave_nobody_unknown(box, error, journalled):
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    run = {**TEXT_TO_MANY, "chunk_size": 10, "concurrency": 1, **more}
    async with client(box, Counting(error, at=3)) as sms:
        with pytest.raises(BulkInterrupted) as interrupted:
            await sms.bulk.send(**run, destinations=drama(50))
        assert interrupted.value.__cause__ is error
        report = interrupted.value.report
        assert (report.accepted, report.unknown, report.adds_up) == (20, 0, True)
        assert box.accepted() == 20
        if journalled:
            report = await sms.bulk.send(**run, destinations=drama(50))
            assert report.accepted == box.accepted() == 50


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_max_rate_errors_before_a_repetition_in_bulk_leave_nobody_unknown(
    box, error, journalled
):
    box.add_fault(Fault(path="/batch/send", nth=2, times=2, status=429))
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
    run = {**TEXT_TO_MANY, "chunk_size": 10, "concurrency": 1, **more}
    async with client(box, Counting(error, at=3)) as sms:
        with pytest.raises(BulkInterrupted) as interrupted:
            await sms.bulk.send(**run, destinations=drama(30))
        report = interrupted.value.report
        assert interrupted.value.__cause__ is error
        assert (report.accepted, report.unknown, report.adds_up) == (10, 0, True)
        assert box.accepted() == 10
        if journalled:
            report = await sms.bulk.send(**run, destinations=drama(30))
            assert report.accepted == box.accepted() == 30


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=["Ctrl-C", "exit"])
def test_max_rate_errors_that_would_end_the_loop_end_one_call(hosted, error):
    with hosted.client(max_rate=Counting(error)) as sms:
        with pytest.raises(NotSent, match=type(error).__name__):
            sms.messages.send(**TEXT)
        sms.messages.send(**TEXT)


async def test_max_rate_wait_that_is_cancelled_stays_cancelled(box):
    class Slow:
        async def acquire(self):
            waiting.set()
            await asyncio.Event().wait()

    waiting = asyncio.Event()
    async with client(box, Slow()) as sms:
        task = asyncio.create_task(sms.messages.send(**TEXT))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert box.requests == []


@pytest.mark.parametrize("method", [lambda self: None, lambda self: 5, lambda self: [1]])
async def test_max_rate_with_a_method_that_is_not_async_is_an_error_and_nothing_is_sent(
    box, method
):
    rate = type("Plain", (), {"acquire": method})()
    async with client(box, rate) as sms:
        with pytest.raises(ConfigurationError, match=r"acquire\(\) must be an async method"):
            await sms.messages.send(**TEXT)
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(3))
        assert isinstance(report.stopped, ConfigurationError)
    assert box.requests == []


class Wants:
    async def acquire(self, tokens):
        pass


class Generates:
    async def acquire(self):
        yield


class GeneratesPlainly:
    def acquire(self):
        yield


class Raises:
    @property
    def acquire(self):
        raise OSError("its secret")


class Attribute:
    acquire = 5


class Anything:
    def __getattr__(self, name):
        return self


@pytest.mark.parametrize("make", [AsyncSMSWorks, SMSWorks])
@pytest.mark.parametrize(
    "hostile",
    [
        *("5", True, b"5", [5], {}, object(), lambda: None, Counting, Counting().acquire),
        *(Wants(), Generates(), GeneratesPlainly(), Raises(), Attribute(), Anything()),
        *(asyncio.Semaphore(2), asyncio.Lock(), threading.Lock(), threading.Semaphore(2)),
    ],
    ids=lambda hostile: type(hostile).__name__,
)
def test_max_rate_refuses_what_cannot_be_a_rate_when_it_is_given(make, hostile):
    with pytest.raises(ConfigurationError, match="max_rate") as refused:
        make("eyJ", max_rate=hostile)
    assert "secret" not in str(refused.value)


class Delegating:
    def acquire(self):
        return asyncio.sleep(0)


class Optional:
    async def acquire(self, amount=1, *rest, **more):
        pass


class Partial:
    def __init__(self):
        self.acquire = functools.partial(asyncio.sleep, 0)


@pytest.mark.parametrize("rate", [Delegating, Optional, Partial, lambda: AsyncLimiter(100, 1)])
async def test_max_rate_takes_whatever_can_be_awaited(box, rate):
    async with client(box, rate()) as sms:
        await sms.messages.send(**TEXT)


async def test_max_rate_of_a_run_takes_a_number_alone(sms):
    with pytest.raises(ValidationError, match="max_rate must be requests a second"):
        await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_rate=Counting())
