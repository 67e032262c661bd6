"""A send under any fault is accepted at most once, and the client reports the correct outcome.

Each kind of send is combined with each kind of fault, over a real socket. The client's result is
compared with the sandbox's count of accepted texts.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from smsworks_async import (
    APIError,
    AsyncSMSWorks,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServiceError,
    SMSWorksError,
)
from smsworks_async.sandbox import Fault
from support.sandboxes import AT_ONCE
from support.waiting import give_up_when_held, until


AT = datetime.now(UTC) + timedelta(hours=1)
TEXT = {"sender": "AcmeCorp", "content": "Hello"}
ONE = {**TEXT, "destination": "07700 900123"}
MANY = {**TEXT, "destinations": ["07700 900123"]}
SENDS = {
    "/message/send": ("messages", "send", ONE),
    "/message/flash": ("messages", "flash", ONE),
    "/message/schedule": ("messages", "schedule", {**ONE, "at": AT}),
    "/batch/send": ("batches", "send", MANY),
    "/batch/any": ("batches", "send_each", {"messages": [ONE]}),
    "/batch/schedule": ("batches", "schedule", {**MANY, "at": AT}),
    "/otp/send": ("otp", "send", {"sender": "AcmeCorp", "destination": "07700 900123"}),
}
HTML = "<html><body>502 Bad Gateway</body></html>"

# The fault, the client's result (None: accepted), the number of texts that the server accepted, and
# the number of requests that it received.
FAULTS = {
    "cut before": (Fault(path="*", when="before"), OutcomeUnknown, 0, 1),
    "cut after": (Fault(path="*", when="after"), OutcomeUnknown, 1, 1),
    "cut in the answer": (Fault(path="*", when="mid"), OutcomeUnknown, 1, 1),
    "held answer": (Fault(path="*", when="hold"), OutcomeUnknown, 1, 1),
    "no answer": (Fault(path="*", when="hang"), OutcomeUnknown, 0, 1),
    "bare 503 before": (Fault(path="*", when="before", status=503), OutcomeUnknown, 0, 1),
    "bare 503 after": (Fault(path="*", when="after", status=503), OutcomeUnknown, 1, 1),
    "503 with Retry-After": (
        Fault(path="*", when="after", status=503, retry_after=0),
        OutcomeUnknown,
        1,
        1,
    ),
    "500 with a page": (Fault(path="*", status=500, body=HTML), OutcomeUnknown, 0, 1),
    "200 with a page, accepted": (
        Fault(path="*", when="after", status=200, body=HTML),
        OutcomeUnknown,
        1,
        1,
    ),
    "an answer without an id": (
        Fault(path="*", when="after", status=201, body="{}", content_type="application/json"),
        OutcomeUnknown,
        1,
        1,
    ),
    "half an answer": (
        Fault(path="*", when="after", status=201, body='{"messageid": "12'),
        OutcomeUnknown,
        1,
        1,
    ),
    "429 once": (Fault(path="*", status=429, retry_after=0), None, 1, 2),
    "400 with an id": (
        Fault(path="*", when="after", error_code=5006, times=0, carry_ids=True),
        OutcomeUnknown,
        1,
        1,
    ),
    "401 with an id": (
        Fault(path="*", when="after", error_code=4011, times=0, carry_ids=True),
        OutcomeUnknown,
        1,
        1,
    ),
    "429 with an id": (
        Fault(path="*", when="after", status=429, retry_after=0, times=0, carry_ids=True),
        OutcomeUnknown,
        1,
        1,
    ),
    "503 with an id": (
        Fault(
            path="*",
            when="after",
            status=503,
            error_code=5002,
            permanent=False,
            times=0,
            carry_ids=True,
        ),
        OutcomeUnknown,
        1,
        1,
    ),
    "accepted late": (Fault(path="*", when="late"), OutcomeUnknown, 0, 1),
    "429 for ever": (Fault(path="*", status=429, times=0), RateLimited, 0, 4),
    "a passing refusal once": (Fault(path="*", error_code=5006), None, 1, 2),
    "a passing refusal for ever": (Fault(path="*", error_code=5006, times=0), ServiceError, 0, 4),
    "the API's own 503": (
        Fault(path="*", error_code=5002, status=503, permanent=False),
        None,
        1,
        2,
    ),
    "a permanent refusal": (Fault(path="*", error_code=4021), APIError, 0, 1),
    "a redirect": (Fault(path="*", status=307), APIError, 0, 1),
}


@pytest.mark.parametrize("path", SENDS)
@pytest.mark.parametrize("name", FAULTS)
async def test_a_send_is_accepted_once_or_not_at_all_and_the_client_knows(box, name, path):
    fault, verdict, accepted, requests = FAULTS[name]
    box.add_fault(fault)
    family, method, fields = SENDS[path]
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        give_up_when_held(box, client)
        send = getattr(getattr(client, family), method)
        if verdict is None:
            await send(**fields)
        else:
            with pytest.raises(verdict) as caught:
                await send(**fields)
            assert caught.value.safe_to_repeat is not (verdict is OutcomeUnknown)
            if fault.carry_ids:
                ids = {caught.value.message_id, caught.value.batch_id} - {None}
                (message,) = box.messages
                assert ids == {message.batch_id or message.message_id}
    assert box.accepted() == accepted
    assert [record.path for record in box.requests] == [path] * requests


@pytest.mark.parametrize(
    "name", sorted(FAULTS.keys() - {"no answer", "held answer", "accepted late"})
)
def test_a_blocking_send_gives_the_same_verdict(hosted, name):
    fault, verdict, accepted, requests = FAULTS[name]
    hosted.do(lambda box: box.add_fault(fault))
    with hosted.client() as client:
        if verdict is None:
            client.messages.send(**ONE)
        else:
            with pytest.raises(verdict):
                client.messages.send(**ONE)
    assert hosted.box.accepted() == accepted
    assert len(hosted.box.requests) == requests


@pytest.mark.parametrize("when", ["before", "after", "mid"])
@pytest.mark.parametrize("read", ["search", "get", "balance", "cancel", "delete"])
async def test_a_read_that_lost_its_answer_is_made_again(box, sms, read, when):
    sent = await sms.messages.schedule(**ONE, at=AT)
    delivered = await sms.messages.send(**ONE)
    box.add_fault(Fault(path="*", when=when))
    before = len(box.requests)
    calls = {
        "search": lambda: sms.messages.search(tag="x"),
        "get": lambda: sms.messages.get(delivered.message_id),
        "balance": sms.credits.balance,
        "cancel": lambda: sms.messages.cancel(sent.message_id),
        "delete": lambda: sms.messages.delete(delivered.message_id),
    }
    try:
        await calls[read]()
    except APIError as refused:
        # The first request was executed, and the second has nothing left to do.
        assert read in {"cancel", "delete"}
        assert refused.safe_to_repeat
    assert len(box.requests) - before >= 2


@pytest.mark.parametrize("when", ["before", "after", "mid"])
@pytest.mark.parametrize("read", ["inbox", "verify"])
async def test_what_changes_state_when_read_is_not_made_again(box, sms, read, when):
    await box.receive(sender="447700900001", to="447700900002", content="Hi")
    await sms.otp.send(sender="AcmeCorp", destination="07700 900123", passcode="123456")
    box.add_fault(Fault(path="*", when=when))
    before = len(box.requests)
    with pytest.raises(OutcomeUnknown) as caught:
        if read == "inbox":
            await sms.messages.inbox()
        else:
            await sms.otp.verify(passcode="123456", destination="07700 900123")
    assert not caught.value.safe_to_repeat
    assert len(box.requests) - before == 1


async def test_a_server_that_is_not_there_was_sent_nothing():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # reserved, so that nothing listens there
        base_url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        async with AsyncSMSWorks("eyJ", base_url=base_url, retry=AT_ONCE) as client:
            with pytest.raises(NotSent) as caught:
                await client.messages.send(**ONE)
    assert caught.value.safe_to_repeat
    assert caught.value.__cause__ is not None


async def test_the_deadline_while_waiting_for_a_connection_means_not_sent(box):
    box.add_fault(Fault(path="/message/send", when="hang"))
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, max_connections=1, timeout=30
    ) as client:
        give_up_when_held(box, client)
        first, second = await asyncio.gather(
            client.messages.send(**ONE), client.messages.send(**ONE), return_exceptions=True
        )
    assert isinstance(first, OutcomeUnknown)
    assert isinstance(second, NotSent)
    assert len(box.requests) == 1


async def test_a_longer_retry_after_than_there_is_time_ends_the_call_at_once(box):
    box.add_fault(Fault(path="*", status=429, retry_after=3600))
    async with AsyncSMSWorks(box.token, base_url=box.base_url, timeout=30) as client:
        with pytest.raises(RateLimited) as caught:
            await client.messages.send(**ONE)
    assert caught.value.retry_after == 3600
    assert len(box.requests) == 1


@pytest.mark.parametrize("when", ["hang", "hold"])
async def test_a_cancelled_send_stays_cancelled_and_says_what_is_not_known(box, sms, when):
    box.add_fault(Fault(path="*", when=when))
    task = asyncio.create_task(sms.messages.send(**ONE))
    await until(lambda: box.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert "not known whether it was accepted" in caught.value.__notes__[0]
    assert len(box.requests) == 1


async def test_a_proxy_that_hangs_up_while_it_sets_up_the_tunnel_means_not_sent():
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        AsyncSMSWorks(
            "eyJ",
            base_url="https://sms.example/v1",
            proxy=f"http://127.0.0.1:{port}",
            retry=AT_ONCE,
        ) as client,
    ):
        with pytest.raises(NotSent):
            await client.messages.send(**ONE)


async def test_a_server_that_speaks_no_tls_was_sent_nothing(box):
    address = box.base_url.replace("http://", "https://")
    async with AsyncSMSWorks(box.token, base_url=address, retry=AT_ONCE) as client:
        with pytest.raises(NotSent):
            await client.messages.send(**ONE)
    assert box.accepted() == 0


async def test_a_session_of_the_callers_that_repeats_requests_cannot_repeat_a_send(box):
    async def twice(request, handler):
        response = await handler(request)
        await response.read()
        return await handler(request)

    async with (
        aiohttp.ClientSession(middlewares=(twice,)) as session,
        AsyncSMSWorks(box.token, base_url=box.base_url, session=session) as client,
    ):
        with pytest.raises(SMSWorksError) as caught:
            await client.messages.send(**ONE)
    assert isinstance(caught.value, OutcomeUnknown)
    assert box.accepted() == 1
