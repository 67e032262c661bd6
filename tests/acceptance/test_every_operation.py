"""Every operation of the API, awaited and blocking, over a real socket.

The client and the sandbox each have a table of the operations; neither reads the other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import pkgutil
import re
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import pytest

from smsworks_async import AsyncSMSWorks, NotFound, SMSWorks, SMSWorksError, _http, resources
from smsworks_async._http.requester import LOGIN
from smsworks_async.sandbox import ManualClock, Sandbox
from smsworks_async.sandbox.operations import OPERATIONS


NOW = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
TEXT = {"sender": "AcmeCorp", "content": "Hello"}
TO = {"destination": "07700 900123"}


@pytest.fixture
async def clocked():
    async with Sandbox(clock=ManualClock(start=NOW), delivery_delay=5) as box:
        yield box


@pytest.fixture(params=["awaited", "blocking"])
async def call(request, clocked):
    """Make one call by name, async or in a blocking thread."""
    settings = {"base_url": clocked.base_url}
    if request.param == "awaited":
        async with AsyncSMSWorks(clocked.token, **settings) as client:

            async def make(name, *args, **kwargs):
                result = attrgetter(name)(client)(*args, **kwargs)
                return [r async for r in result] if name.endswith("iterate") else await result

            yield make
        return
    with SMSWorks(clocked.token, **settings) as client:

        async def make(name, *args, **kwargs):
            result = await asyncio.to_thread(attrgetter(name)(client), *args, **kwargs)
            return await asyncio.to_thread(list, result) if name.endswith("iterate") else result

        yield make
        await asyncio.to_thread(client.close)


async def test_a_message_is_sent_and_delivered(call, clocked):
    sent = await call("messages.send", **TEXT, **TO, tag="t", metadata={"a": "b"}, ttl=60)
    assert sent.status == "SENT"
    assert sent.credits_used == 1
    assert sent.balance == clocked.credits
    record = await call("messages.get", sent.message_id)
    assert (record.destination, record.content, record.tag) == ("447700900123", "Hello", "t")
    assert record.status == "SENT"
    assert not record.is_final
    assert record.created == NOW
    await clocked.advance(6)
    record = await call("messages.get", sent.message_id)
    assert record.status == "DELIVERED"
    assert record.is_final


async def test_a_flash_message_is_sent(call, clocked):
    sent = await call("messages.flash", **TEXT, **TO)
    assert (await call("messages.get", sent.message_id)).message_id == sent.message_id


async def test_bytes_are_sent_in_pairs_of_digits(call, clocked):
    sent = await call(
        "messages.send_binary", data=b"\x65Tts", sender="AcmeCorp", **TO, reference="order-1"
    )
    assert (sent.status, sent.credits_used) == ("SENT", 1)
    record = await call("messages.get", sent.message_id)
    assert record.content == "65 54 74 73"
    assert (await call("messages.find", reference="order-1")).message_id == sent.message_id
    for data in (bytearray(b"\x00\xff"), memoryview(b"\x00\xff")):
        sent = await call("messages.send_binary", data=data, sender="AcmeCorp", **TO)
        assert (await call("messages.get", sent.message_id)).content == "00 ff"


async def test_the_messages_since_midnight_are_counted(call, clocked):
    assert await call("messages.volume") == 0
    await call("messages.send", **TEXT, **TO)
    assert await call("messages.volume") == 1


async def test_a_text_to_a_country_has_its_cost(call, clocked):
    cost = await call("credits.cost", country=" fr")
    assert (cost.code, cost.country, cost.credits) == ("FR", "France", 2.0)
    assert type(cost.credits) is float
    with pytest.raises(NotFound):
        await call("credits.cost", country="XX")


async def test_a_message_is_scheduled_listed_cancelled_and_fired(call, clocked):
    at = NOW + timedelta(hours=1)
    cancelled = await call("messages.schedule", **TEXT, **TO, at=at)
    kept = await call("messages.schedule", **TEXT, **TO, at=at)
    assert kept.status == "SCHEDULED"
    listed = {entry.message_id: entry for entry in await call("messages.scheduled")}
    assert listed[kept.message_id].destinations == ("447700900123",)
    assert listed[kept.message_id].schedule == at
    assert not listed[kept.message_id].batch
    assert (await call("messages.cancel", cancelled.message_id)).status == "CANCELLED"
    assert await call("messages.search", status="SENT") == []
    await clocked.advance(3601)
    (sent,) = await call("messages.search", status="SENT")
    assert sent.schedule == at


async def test_a_record_is_deleted(call, clocked):
    sent = await call("messages.send", **TEXT, **TO)
    assert (await call("messages.delete", sent.message_id)).status == "DELETED"
    with pytest.raises(NotFound):
        await call("messages.get", sent.message_id)


async def test_messages_are_searched_and_iterated(call, clocked):
    for number in range(5):
        await call("messages.send", **TEXT, destination=f"07700 90000{number}", tag="found")
    await call("messages.send", **TEXT, **TO)
    assert len(await call("messages.search", tag="found")) == 5
    assert len(await call("messages.search", destination="+44 7700 900123")) == 1
    window = {"from_": NOW - timedelta(minutes=1), "to": NOW + timedelta(minutes=1)}
    assert len(await call("messages.search", **window, limit=4)) == 4
    pages = await call("messages.iterate", tag="found", limit=2)
    assert len({record.message_id for record in pages}) == len(pages) == 5


async def test_failed_messages_tell_why(call, clocked):
    sent = await call("messages.send", **TEXT, destination="07700 900506")
    await clocked.advance(6)
    (failed,) = await call("messages.failed")
    assert failed.message_id == sent.message_id
    assert failed.failure_reason.code == 5006
    assert failed.failure_reason.permanent is False


async def test_incoming_messages_are_read_once(call, clocked):
    await clocked.receive(sender="447700900001", to="447700900002", content="Hi", keyword="HI")
    (incoming,) = await call("messages.inbox")
    assert (incoming.content, incoming.status) == ("Hi", "INCOMING")
    assert await call("messages.inbox") == []
    assert len(await call("messages.search", status="INCOMING", unread=False)) == 1


async def test_a_batch_is_sent_and_each_recipient_looked_up(call, clocked):
    batch = await call("batches.send", **TEXT, destinations=["07700 900001", 447700900002])
    records = await call("batches.get", batch.batch_id)
    assert {record.destination for record in records} == {"447700900001", "447700900002"}
    assert {record.batch_id for record in records} == {batch.batch_id}


async def test_a_batch_of_unique_messages_is_sent(call, clocked):
    messages = [{**TEXT, "destination": f"07700 90000{n}", "content": f"Hi {n}"} for n in range(3)]
    batch = await call("batches.send_each", messages=messages)
    records = await call("batches.get", batch.batch_id)
    assert {record.content for record in records} == {"Hi 0", "Hi 1", "Hi 2"}


async def test_a_batch_is_scheduled_and_cancelled(call, clocked):
    at = NOW + timedelta(hours=1)
    batch = await call("batches.schedule", **TEXT, destinations=["07700 900001"], at=at)
    (entry,) = await call("messages.scheduled")
    assert entry.batch
    assert entry.message_id == batch.batch_id
    cancelled = await call("batches.cancel", batch.batch_id)
    assert (cancelled.batch_id, cancelled.status) == (batch.batch_id, "CANCELLED")
    await clocked.advance(3601)
    assert await call("messages.search", status="SENT") == []


async def test_a_passcode_verifies_for_its_own_destination_only(call, clocked):
    otp = {"sender": "AcmeCorp", **TO, "passcode": "001234", "metadata": {"cart": "1"}}
    sent = await call("otp.send", **otp, template="Code {{passcode}}", validity=60)
    assert sent.status == "SENT"
    assert sent.parts == 1
    with pytest.raises(NotFound):
        await call("otp.verify", passcode="999999", **TO)
    verified = await call("otp.verify", passcode="001234", **TO)
    assert (verified.status, verified.passcode) == ("VERIFIED", "001234")
    assert verified.metadata == {"cart": "1"}
    assert (await call("otp.get", sent.message_id)).status == "VERIFIED"


async def test_a_passcode_sent_to_another_number_does_not_verify(call, clocked):
    await call("otp.send", sender="AcmeCorp", **TO, passcode="123456")
    with pytest.raises(NotFound, match="destination"):
        await call("otp.verify", passcode="123456", destination="07700 900999")


async def test_an_expired_passcode_does_not_verify(call, clocked):
    await call("otp.send", sender="AcmeCorp", **TO, passcode="123456", validity=60)
    await clocked.advance(61)
    with pytest.raises(NotFound):
        await call("otp.verify", passcode="123456", **TO)


async def test_credits_utils_and_auth_answer(call, clocked):
    assert await call("credits.balance") == clocked.credits
    assert clocked.customer_id in await call("utils.test")
    sample = await call("utils.error", 4021)
    assert (sample.code, sample.permanent) == (4021, True)
    token = await call(
        "auth.token", customer_id=clocked.customer_id, key=clocked.key, secret=clocked.secret
    )
    assert token == clocked.token


async def test_bulk_sends_one_text_to_many_and_a_text_to_each(call, clocked):
    numbers = [f"07700 900{n:03d}" for n in range(120)]
    report = await call("bulk.send", **TEXT, destinations=numbers, chunk_size=50)
    assert (report.accepted, report.adds_up) == (120, True)
    messages = [{**TEXT, "destination": number, "content": number[-3:]} for number in numbers]
    report = await call("bulk.send_each", messages=messages, chunk_size=50)
    assert (report.accepted, report.adds_up) == (120, True)
    assert clocked.accepted("447700900007") == 2


def client_operations():
    """Return every operation that a module of the client declares, as method and path."""
    found = set()
    for package in (_http, resources):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                operation = getattr(value, "operation", value)  # of a way to send
                if isinstance(operation, type(LOGIN)):
                    found.add((operation.method, operation.path))
    return found


def sandbox_operations():
    """Return every row of the sandbox's table, with ids in the client's notation."""
    return {(row.method, re.sub(r"\{[^}]*\}", "{}", row.path)) for row in OPERATIONS}


def test_the_client_and_the_sandbox_have_the_same_operations():
    assert client_operations() == sandbox_operations()
    assert len(OPERATIONS) == len(sandbox_operations()) > 20


def operation_of(record):
    """Return the method and path of the row that served a request; those of the request if none."""
    for row in OPERATIONS:  # of two rows for the same path the first is the exact one
        if row.method == record.method and row.serves(record.path):
            return row.method, row.path
    return record.method, record.path


def client_methods():
    """Return the name and the signature of every method that returns one response of the API."""
    for family, resource in inspect.getmembers(AsyncSMSWorks, inspect.isclass):
        if family == "opt_outs":  # served by a journal
            continue
        if resource.__module__.startswith(f"{resources.__name__}."):
            for name, function in inspect.getmembers(resource, inspect.iscoroutinefunction):
                if not name.startswith("_"):
                    yield f"{family}.{name}", inspect.signature(function)


#: Values of parameters without a default; a new parameter fails until it has a value here.
VALUES = {
    **TEXT,
    **TO,
    "at": NOW + timedelta(hours=1),
    "batch_id": "1",
    "code": 4021,
    "country": "FR",
    "data": b"eTts",
    "destinations": ["07700 900123"],
    "message_id": "1",
    "messages": [{**TEXT, **TO}],
    "passcode": "123456",
    "reference": "order-1",
}


async def test_every_method_requests_an_operation_and_every_operation_has_a_method(call, clocked):
    optional = {"customer_id": clocked.customer_id, "key": clocked.key, "secret": clocked.secret}
    optional["timeout"] = 0.01
    for name, signature in client_methods():
        arguments = {
            parameter.name: VALUES[parameter.name]
            for parameter in list(signature.parameters.values())[1:]
            if parameter.default is parameter.empty
        }
        arguments |= {key: optional[key] for key in optional.keys() & signature.parameters.keys()}
        before = len(clocked.requests)
        with contextlib.suppress(SMSWorksError, TimeoutError):  # there is no message of that id
            await call(name, **arguments)
        assert len(clocked.requests) > before, name
    requested = {operation_of(record) for record in clocked.requests}
    assert requested == {(row.method, row.path) for row in OPERATIONS}
