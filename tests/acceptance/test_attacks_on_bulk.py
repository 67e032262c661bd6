"""Iterables and callbacks that once lost recipients, found by hostile review."""

from __future__ import annotations

import asyncio
import collections
import enum
import threading

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT, TEXT_TO_MANY, drama


# Lost recipients


def test_what_is_iterable_in_both_ways_is_drawn_on_the_callers_thread(hosted):
    class QuerySet:
        """Like Django's: also async, but not on this package's loop."""

        def __iter__(self):
            threads.add(threading.get_ident())
            yield from drama(5)

        async def __aiter__(self):
            pytest.fail("it was drawn on the loop")
            yield

    threads = set()
    with hosted.client() as client:
        assert client.bulk.send(**TEXT_TO_MANY, destinations=QuerySet()).accepted == 5
    assert threads == {threading.get_ident()}


def test_strings_of_other_types_are_strings(hosted):
    class SafeString(str):
        """As a template engine's output."""

        __slots__ = ()

    class Sender(enum.StrEnum):
        ACME = "AcmeCorp"

    with hosted.client() as client:
        report = client.bulk.send(
            sender=Sender.ACME, content=SafeString("Hello"), destinations=drama(2)
        )
        assert report.accepted == 2
        with pytest.raises(ValidationError):
            client.bulk.send(**TEXT_TO_MANY, destinations=SafeString("07700 900123"))


def test_a_collection_is_counted_before_the_first_request_when_blocking_too(hosted):
    with hosted.client() as client:
        for values in (collections.deque(drama(20)), dict.fromkeys(drama(20)).keys()):
            with pytest.raises(ValidationError, match="20 credits"):
                client.bulk.send(**TEXT_TO_MANY, destinations=values, max_credits=19)
    assert hosted.box.requests == []


def test_an_async_callback_is_awaited_when_blocking_too(hosted):
    told = []

    async def tell(progress):
        await asyncio.sleep(0)
        told.append(progress.accepted)

    with hosted.client() as client:
        client.bulk.send(**TEXT_TO_MANY, destinations=drama(20), chunk_size=10, progress=tell)
    assert told[-1] == 20


def test_an_iterator_that_outlives_its_client_can_be_closed(hosted):
    with hosted.client() as client:
        client.messages.send(**TEXT)
        found = client.messages.iterate()
        next(found)
    found.close()


async def test_a_value_that_raises_when_it_is_read_is_set_aside(box, sms):
    class Odd:
        def __index__(self):
            raise ZeroDivisionError

    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=[Odd(), *drama(2)])
    assert (report.invalid, report.accepted, report.adds_up) == (1, 2, True)


async def test_a_callback_that_raises_after_a_halt_counts_nobody_twice(box, sms):
    box.add_fault(Fault(path="*", error_code=4021, times=0))

    def fail(progress):
        raise RuntimeError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **TEXT_TO_MANY,
            destinations=iter(drama(30)),
            chunk_size=10,
            concurrency=1,
            progress=fail,
        )
    report = caught.value.report
    assert report.adds_up
    assert report.read == 30  # everything that was read, not only recipients in chunks
    assert [outcome.number for outcome in report.batches] == [0, 1, 2]


async def test_waiting_for_the_clients_own_pace_takes_no_time_of_a_calls(box):
    class Turns:
        """As a rate of requests, but without waits: the first turns are not free either."""

        given = 0

        async def acquire(self):
            await asyncio.sleep(0)
            self.given += 1

    begun, turns = [], Turns()
    async with AsyncSMSWorks(box.token, base_url=box.base_url, max_rate=turns) as sms:
        sms._sessions.current()
        deadlines = sms._sessions._deadlines
        begin = deadlines.begin

        def counted(scope):
            begun.append(turns.given)
            return begin(scope)

        deadlines.begin = counted
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(24), chunk_size=1)
    assert report.accepted == 24
    assert all(given > before for before, given in enumerate(begun)), "none before its turn"
    assert len(begun) == 24
