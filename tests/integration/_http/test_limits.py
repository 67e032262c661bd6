"""The limit of a call if the client has no time-out."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import AsyncSMSWorks, NotSent, OutcomeUnknown, ServiceError
from smsworks_async._http.operations import Operation
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.models.incoming import SentMessage
from smsworks_async.sandbox import Fault
from support.internals import requester_of
from support.messages import TEXT, TEXT_TO_MANY
from support.sandboxes import AT_ONCE
from support.waiting import give_up_when_held, until


async def pass_():
    """Allow the repetition of a request."""


SEND = Operation("POST", "/message/send")
MESSAGE = {**TEXT, "destination": "447700900123"}
BATCH = {**TEXT_TO_MANY, "destinations": ["447700900123"]}


@pytest.fixture
async def patient(box):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, timeout=None, max_connections=1, retry=AT_ONCE
    ) as client:
        yield client


async def make(client, limit):
    return await requester_of(client).request(SEND, MESSAGE, into=SentMessage, limit=limit)


async def test_limit_leaves_a_call_unknown_when_no_answer_came_by_then(box, patient):
    box.add_fault(Fault(path="*", when="hold"))
    give_up_when_held(box, patient)
    with pytest.raises(OutcomeUnknown, match=r"time-out of 60 s") as caught:
        await make(patient, 60.0)
    assert not caught.value.safe_to_repeat
    assert box.accepted() == len(box.requests) == 1


async def test_limit_that_ends_during_the_wait_for_a_connection_is_not_sent(box, patient):
    box.add_fault(Fault(path="*", when="hold"))
    first = asyncio.create_task(patient.messages.send(**TEXT))
    await until(lambda: box.requests)
    with pytest.raises(NotSent, match=r"time-out of 0\.05 s"):
        await make(patient, 0.05)
    box.release()
    assert (await first).status == "SENT"  # which has no limit
    assert box.accepted() == 1


async def test_limit_holds_for_repetitions_together(box):
    box.add_fault(Fault(path="*", status=503, error_code=5002, permanent=False, retry_after=60))
    async with AsyncSMSWorks(box.token, base_url=box.base_url, timeout=None) as client:
        with pytest.raises(ServiceError):
            await make(client, 5)
    assert len(box.requests) == 1


async def test_limits_that_differ_do_not_wait_for_one_another(box, patient):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, timeout=None) as client:
        box.add_fault(Fault(path="*", when="hold", times=0))
        slow = asyncio.create_task(make(client, 3600))
        for _ in range(2):
            with pytest.raises((OutcomeUnknown, NotSent), match=r"time-out of 0\.05 s"):
                await make(client, 0.05)
        assert not slow.done()
        box.release()
        assert (await slow).status == "SENT"


async def test_limit_gives_way_to_the_clients_own_time_out(box):
    box.add_fault(Fault(path="*", when="hold", times=0))
    async with AsyncSMSWorks(box.token, base_url=box.base_url, timeout=0.05) as client:
        with pytest.raises((OutcomeUnknown, NotSent), match=r"time-out of 0\.05 s"):
            await make(client, 3600)


@pytest.mark.parametrize("payload", ["send", "send_each"])
async def test_bulk_post_has_a_limit_where_the_client_has_none(box, patient, payload):
    box.add_fault(Fault(path="*", when="hold"))
    give_up_when_held(box, patient)
    post = BulkGateway(requester_of(patient)).post(payload)
    document = BATCH if payload == "send" else [MESSAGE]
    with pytest.raises(OutcomeUnknown, match=r"time-out of 300 s"):
        await post(document, None, lambda _: None, pass_)
    assert box.accepted() == 1
