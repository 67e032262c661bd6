"""Webhooks on real sockets, under aiohttp, ASGI and WSGI, with the same responses."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import threading

import pytest

from smsworks_async import IncomingMessage
from support.waiting import PATIENCE, until
from support.webhook_servers import REPLY, SECRET, Told, serving


@pytest.mark.parametrize("kind", ["plain", "later", "callable", "partial", "lambda"])
async def test_webhooks_call_functions_of_any_kind_with_reports_and_replies(server, kind):
    told = Told()
    function = {
        "plain": told.plain,
        "later": told.later,
        "callable": told,
        "partial": functools.partial(told.later),
        "lambda": lambda item: told.later(item),  # noqa: PLW0108 - plain, and gives a coroutine
    }[kind]
    async with serving(server, on_report=function, on_incoming=function) as provider:
        assert await provider.report(destination=447700900123) == 200
        assert await provider.post(REPLY) == 200
    report, reply = told.items
    assert (report.message_id, report.destination) == ("1", "447700900123")
    assert reply == IncomingMessage("9", "447700900124", "", "Yes")


async def test_webhooks_call_the_function_once_for_repeats_and_never_for_a_late_status(server):
    told = Told()
    async with serving(server, on_report=told.plain, on_incoming=told.plain) as provider:
        for status in ["SENT", "SENT", "ACCEPTED", "SENT", "DELIVERED", "DELIVERED", "ACCEPTED"]:
            assert await provider.report("1", status) == 200
        assert await provider.report("2", "EXPIRED") == 200
        assert await provider.report("2", "DELIVERED") == 200
        for _ in range(2):
            assert await provider.post(REPLY) == 200
    assert told.statuses == [
        ("1", "SENT"),
        ("1", "ACCEPTED"),
        ("1", "DELIVERED"),
        ("2", "EXPIRED"),
        ("9", "-"),
    ]


async def test_webhooks_refuse_and_log_a_reply_without_a_function_for_it(server, caplog):
    async with serving(server, on_report=Told().plain) as provider:
        assert await provider.post(REPLY) == 404
    assert "no on_incoming" in caplog.text
    assert "447700900124" not in caplog.text


@pytest.mark.parametrize("kind", ["plain", "later"])
async def test_webhooks_answer_500_when_the_function_fails_and_call_it_again(server, kind, caplog):
    told = Told(failures=2)
    async with serving(server, on_report=getattr(told, kind)) as provider:
        assert [await provider.report() for _ in range(4)] == [500, 500, 200, 200]
    assert told.calls == 3
    assert caplog.text.count("a report could not be handled") == 2
    assert SECRET not in caplog.text


async def test_webhooks_call_the_function_once_for_copies_at_the_same_time(server):
    at_work, entered, go_on = [], [], threading.Event()

    def slow(report):
        at_work.append(report)
        entered.append(len(at_work))
        go_on.wait(PATIENCE)
        at_work.pop()

    async with serving(server, on_report=slow) as provider:
        copies = [asyncio.ensure_future(provider.report()) for _ in range(5)]
        other = asyncio.ensure_future(provider.report("2"))
        await until(lambda: len(entered) == 2)  # one of each message
        go_on.set()
        assert await asyncio.gather(*copies, other) == [200] * 6
    assert len(entered) == 2


async def test_webhooks_call_the_function_for_a_copy_after_the_one_before_it_failed(server):
    calls, go_on = [], threading.Event()

    def first_fails(report):
        calls.append(report)
        go_on.wait(PATIENCE)
        if len(calls) == 1:
            raise LookupError

    async with serving(server, on_report=first_fails) as provider:
        first = asyncio.ensure_future(provider.report())
        await until(lambda: calls)
        second = asyncio.ensure_future(provider.report())
        go_on.set()
        assert await asyncio.gather(first, second) == [500, 200]
    assert len(calls) == 2


async def test_webhooks_answer_503_to_a_copy_that_has_waited_long_enough(server, monkeypatch):
    monkeypatch.setattr("smsworks_async.webhooks.deduplication.MAX_WAIT", 0.0)
    calls, go_on = [], threading.Event()

    def slow(report):
        calls.append(report)
        go_on.wait(PATIENCE)

    async with serving(server, on_report=slow) as provider:
        first = asyncio.ensure_future(provider.report())
        await until(lambda: calls)
        assert await provider.report() == 503
        go_on.set()
        assert await first == 200
        assert await provider.report() == 200
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"path": "/sms"}, 404),
        ({"path": "/sms/"}, 404),
        ({"path": f"/sms/{SECRET}x"}, 404),
        ({"path": "/sms/wrong"}, 404),
        ({"path": "/sms", "auth": ("any", "wrong")}, 404),
        ({"path": "/sms/wrong", "method": "GET"}, 404),
        ({"path": "/sms/wrong", "data": b"x" * 100_000}, 404),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
        ({"data": b""}, 400),
        ({"data": b"status=DELIVERED"}, 400),
        ({"data": b'{"messageid": "1"}'}, 400),
        ({"data": b"[" * 10_000}, 400),
        ({"data": b"x" * 65_537}, 413),
        ({"path": "/sms", "auth": ("any", SECRET), "data": b"{}"}, 400),
        ({"data": json.dumps(REPLY)}, 404),  # for which there is no handler
    ],
)
async def test_webhooks_refuse_a_post_without_a_reason_and_call_no_function(
    server, request_, status
):
    told = Told()
    options = dict(request_)
    if "auth" in options:
        login = ":".join(options.pop("auth")).encode()
        options["headers"] = {"Authorization": "Basic " + base64.b64encode(login).decode()}
    async with serving(server, on_report=told.plain) as provider:
        assert await provider.post(**options) == status
        assert await provider.report() == 200
    assert told.statuses == [("1", "DELIVERED")]


async def test_webhooks_admit_a_secret_as_a_password_in_the_url(server):
    told = Told()
    async with serving(server, on_report=told.plain, secrets=["x" * 32, SECRET]) as provider:
        login = base64.b64encode(f"provider:{SECRET}".encode()).decode()
        status = await provider.post(
            {"messageid": "1", "status": "SENT"},
            path="/sms",
            headers={"Authorization": f"Basic {login}"},
        )
    assert status == 200
    assert told.statuses == [("1", "SENT")]


async def test_webhooks_keep_to_networks_on_every_server(server):
    settings = {"on_report": Told().plain, "networks": ["192.0.2.0/24"]}
    async with serving(server, **settings) as provider:
        assert await provider.report() == 404
    settings["trusted_proxies"] = ["127.0.0.0/8"]
    async with serving(server, **settings) as provider:
        for forwarded, status in (("192.0.2.7", 200), ("192.0.2.7, 198.51.100.1", 404)):
            document = {"messageid": "1", "status": "SENT"}
            headers = {"X-Forwarded-For": forwarded}
            assert await provider.post(document, headers=headers) == status


async def test_webhooks_take_an_async_store_and_record_after_the_function(server):
    events = []

    class Table:
        async def statuses(self, message_id):
            await asyncio.sleep(0)
            return [status for kind, one, status in events if (kind, one) == ("add", message_id)]

        async def claim(self, message_id, status, owner, seconds):
            events.append(("claim", message_id, status))
            return True

        def release(self, message_id, owner):
            events.append(("release", message_id, owner))

        async def add(self, message_id, status, owner):
            events.append(("add", message_id, status))

    def handle(report):
        events.append(("handle", report.message_id, report.status))

    async with serving(server, on_report=handle, seen=Table()) as provider:
        for status in ("SENT", "SENT", "DELIVERED", "SENT"):
            assert await provider.report("1", status) == 200
    assert events == [
        ("claim", "1", "SENT"),
        ("handle", "1", "SENT"),
        ("add", "1", "SENT"),
        ("claim", "1", "DELIVERED"),
        ("handle", "1", "DELIVERED"),
        ("add", "1", "DELIVERED"),
    ]


async def test_webhooks_answer_503_where_the_store_is_away_and_call_nothing(server):
    class Away:
        def statuses(self, message_id):
            raise LookupError("the database is away")

        claim = release = add = statuses

    told = Told()
    async with serving(server, on_report=told.plain, seen=Away()) as provider:
        assert await provider.report() == 503
    assert told.calls == 0


async def test_webhooks_with_a_journal_remember_beyond_their_process(server, tmp_path):
    for _ in range(2):
        told = Told()
        async with serving(server, on_report=told.plain, seen=tmp_path / "j.db") as provider:
            for status in ("SENT", "DELIVERED", "SENT"):
                assert await provider.report("1", status) == 200
            assert await provider.report("2", "SENT") == 200
        if _ == 0:
            assert told.statuses == [("1", "SENT"), ("1", "DELIVERED"), ("2", "SENT")]
    assert told.statuses == []
