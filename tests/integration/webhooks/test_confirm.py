"""Reports confirmed by the API, and the waits that they end."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import AsyncSMSWorks, NotSent, SMSWorks
from smsworks_async.sandbox import ManualClock, Sandbox
from support.internals import waits_of
from support.sandboxes import AT_ONCE
from support.waiting import until
from support.webhook_servers import REPLY, Told, close_client, serving


@pytest.fixture
async def box():
    async with Sandbox(clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture(params=["awaited", "blocking"])
def client(request, box):
    kind = {"awaited": AsyncSMSWorks, "blocking": SMSWorks}[request.param]
    return kind(box.token, base_url=box.base_url, retry=AT_ONCE)


async def test_webhooks_confirm_reports_by_what_the_api_says(server, box, client):
    told = Told()
    async with AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        sent = await sms.messages.send(
            sender="AcmeCorp", destination="07700 900506", content="Hello"
        )
    number = sent.message_id
    settings = {"on_report": told.plain, "on_incoming": told.plain, "confirm": True}
    async with serving(server, **settings, client=client) as provider:
        assert await provider.report(number, "DELIVERED") == 503  # not by the API's record
        assert told.items == []
        for status in ("SENT", "ACCEPTED"):  # which to the API are the same
            assert await provider.report(number, status) == 200
        assert told.statuses == [(number, "SENT")]
        told.items.clear()
        await box.advance(2)
        assert await provider.report(number, "DELIVERED", content="forged") == 200
        [report] = told.items
        assert (report.status, report.content) == ("UNDELIVERED", "Hello")
        assert await provider.report(number, "UNDELIVERED") == 200  # a repeat
        assert await provider.report("5550001", "DELIVERED") == 422  # it was never sent
        reply = await box.receive(sender="447700900124", to="60777", content="Yes")
        posted = {**REPLY, "messageid": reply, "content": "forged", "parts": 1}
        assert await provider.post(posted) == 200
        assert await provider.post({**REPLY, "messageid": number}) == 422  # that was sent by us
    [_, message] = told.items
    assert (message.content, message.destination, message.parts) == ("Yes", "60777", 1)
    await close_client(client, server)


async def test_webhooks_answer_503_to_a_post_that_cannot_be_confirmed_now(server, monkeypatch):
    client, told = AsyncSMSWorks("eyJ"), Told()

    async def away(_):
        raise NotSent("no connection")

    monkeypatch.setattr(client.messages, "get", away)
    settings = {"on_report": told.plain, "confirm": True, "client": client}
    async with serving(server, **settings) as provider:
        assert await provider.report() == 503
    assert told.items == []


async def test_webhooks_hand_on_a_report_of_an_unknown_message_unless_confirmed(server):
    told = Told()
    async with serving(server, on_report=told.plain) as provider:
        assert await provider.report("5550001", "DELIVERED") == 200
    assert told.statuses == [("5550001", "DELIVERED")]


async def test_webhooks_end_the_wait_for_a_reports_message(server, box, sms_awaited):
    sent = await sms_awaited.messages.send(
        sender="AcmeCorp", destination="07700 900123", content="Hello"
    )
    async with serving(server, client=sms_awaited) as provider:
        waiter = asyncio.ensure_future(sms_awaited.messages.wait(sent.message_id, timeout=60))
        await until(lambda: sent.message_id in waits_of(sms_awaited))
        assert await provider.report(sent.message_id, "DELIVERED", tag="by webhook") == 200
        assert (await waiter).tag == "by webhook"


@pytest.fixture
async def sms_awaited(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        yield client
