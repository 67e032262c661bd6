"""An opt-in whose post arrives after that of a later opt-out does not undo it."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import AsyncSMSWorks, OptOuts, SMSWorks
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.sandboxes import AT_ONCE
from support.waiting import until
from support.webhook_servers import close_client, serving


NUMBER = "447700900124"


@pytest.fixture
async def box():
    async with Sandbox(clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
async def opt_outs(tmp_path):
    async with OptOuts(tmp_path / "list.db") as opt_outs:
        yield opt_outs


@pytest.fixture(params=[AsyncSMSWorks, SMSWorks])
def client(request, box):
    return request.param(box.token, base_url=box.base_url, retry=AT_ONCE)


async def receive(box, content):
    """Return the post of a message that arrives now, which is not posted yet."""
    message_id = await box.receive(sender=NUMBER, to="60777", content=content)
    await box.advance(60)
    return {"messageid": message_id, "from": NUMBER, "to": "60777", "content": content}


async def test_webhooks_ignore_an_opt_in_that_is_posted_after_a_later_opt_out(
    server, box, opt_outs, client
):
    early, stop = await receive(box, "START"), await receive(box, "STOP")
    late = await receive(box, "START")
    async with serving(server, client=client, opt_outs=opt_outs) as provider:
        assert await provider.post(stop) == 200
        assert await provider.post(early) == 200
        assert await opt_outs.contains(NUMBER)
        assert await provider.post(late) == 200
        assert not await opt_outs.contains(NUMBER)
    assert [event.word for event in await opt_outs.history(NUMBER)] == ["STOP", "START"]
    await close_client(client, server)


async def test_webhooks_ignore_an_opt_in_that_was_sent_before_a_manual_opt_out(
    server, box, opt_outs, client
):
    early = await receive(box, "START")  # by the sandbox's clock, which is behind
    await opt_outs.add(NUMBER)
    async with serving(server, client=client, opt_outs=opt_outs) as provider:
        assert await provider.post(early) == 200
    assert await opt_outs.contains(NUMBER)
    await close_client(client, server)


async def test_webhooks_ignore_an_opt_in_if_a_later_opt_out_arrives_while_dates_are_read(
    server, box, opt_outs, client
):
    first, start = await receive(box, "STOP"), await receive(box, "START")
    last = await receive(box, "STOP")
    box.add_fault(Fault(path=f"/messages/{first['messageid']}", when="hold"))
    async with serving(server, client=client, opt_outs=opt_outs) as provider:
        assert await provider.post(first) == 200
        held = asyncio.create_task(provider.post(start))
        await until(lambda: any(request.fault for request in box.requests))
        assert await provider.post(last) == 200
        box.release()
        assert await held == 200
    assert [event.change for event in await opt_outs.history(NUMBER)] == ["out", "out"]
    await close_client(client, server)


async def test_webhooks_compare_an_opt_in_with_every_opt_out_in_whatever_order_they_are_posted(
    server, box, opt_outs, client
):
    first, start = await receive(box, "STOP"), await receive(box, "START")
    last = await receive(box, "STOP")
    async with serving(server, client=client, opt_outs=opt_outs) as provider:
        for post in (last, first, start):
            assert await provider.post(post) == 200
    assert await opt_outs.contains(NUMBER)
    await close_client(client, server)


@pytest.mark.parametrize("dated", [0, 1])
async def test_webhooks_go_by_the_order_of_arrival_if_a_date_cannot_be_read(
    server, box, opt_outs, client, dated
):
    early, stop = await receive(box, "START"), await receive(box, "STOP")
    unknown = (early, stop)[dated]["messageid"]
    box.add_fault(Fault(path=f"/messages/{unknown}", times=0, status=404))
    async with serving(server, client=client, opt_outs=opt_outs) as provider:
        assert await provider.post(stop) == 200
        assert await provider.post(early) == 200
        # Without the opt-out's date, the time of its arrival counts, which is later.
        assert await opt_outs.contains(NUMBER) == bool(dated)
    await close_client(client, server)


async def test_webhooks_read_no_date_of_an_opt_in_that_undoes_nothing(
    server, box, opt_outs, client
):
    start, no = await receive(box, "START"), await receive(box, "No")
    async with serving(server, client=client, opt_outs=opt_outs, on_incoming=print) as provider:
        assert await provider.post(start) == 200
        assert await provider.post({**no, "content": "STOP"}) == 200
    assert not [request for request in box.requests if request.method == "GET"]
    assert [event.change for event in await opt_outs.history(NUMBER)] == ["in", "out"]
    await close_client(client, server)
