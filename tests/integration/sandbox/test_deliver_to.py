"""Reports and replies are posted directly to an application in the test's process."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from flask import Flask, request

from smsworks_async import AsyncSMSWorks, SMSWorks
from smsworks_async.sandbox import ManualClock, Reporting, Sandbox
from support.clock import settle
from support.sandboxes import AT_ONCE


TEXT = {"sender": "447700900000", "destination": "07700 900123", "content": "Hello"}


class WSGI:
    """An application that records its calls, and responds with given statuses."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.calls = []
        self.thread = None

    def __call__(self, environ, start_response):
        self.thread = threading.current_thread()
        length = int(environ["CONTENT_LENGTH"])
        body = json.loads(environ["wsgi.input"].read(length))
        target = environ["PATH_INFO"], environ["QUERY_STRING"], environ["CONTENT_TYPE"]
        self.calls.append((*target, body["content"]))
        start_response(f"{self.statuses.pop(0) if self.statuses else 200} X", [])
        return iter([b"ok"])


class ASGI:
    """The same for ASGI; it also records the loop that it runs on."""

    def __init__(self):
        self.calls = []
        self.loop = None

    async def __call__(self, scope, receive, send):
        self.loop = asyncio.get_running_loop()
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        assert dict(scope["headers"])[b"content-length"] == str(len(body)).encode()
        self.calls.append((scope["path"], json.loads(body)["content"]))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        assert (await receive())["type"] == "http.disconnect"


@pytest.fixture
def box():
    with Sandbox(clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def sms(box):
    with SMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        yield client


def test_deliver_to_calls_a_wsgi_application_on_the_thread_of_whoever_waits(box, sms):
    app = WSGI()
    box.deliver_to(app, "/sms?x=1")
    sms.messages.send(**TEXT)
    box.reply("07700 900123", "Yes")
    box.advance(2)
    assert app.calls == [("/sms", "x=1", "application/json", text) for text in ("Yes", "Hello")]
    assert app.thread is threading.current_thread()
    assert [post.status for post in box.posts] == [200, 200]


def test_deliver_to_posts_nothing_before_a_call_waits(sms, box):
    """Check with a report that is due immediately: of a text that fails in a batch."""
    app = WSGI()
    box.deliver_to(app, "/sms")
    sms.batches.send(sender="447700900000", destinations=["07700 900123"] * 20, content="Hello")
    assert sms.credits.balance() > 0
    assert app.calls == []
    assert "are queued" in box.describe()
    box.deliver()
    assert len(app.calls) == 14  # of twenty equal texts, the flooding filter accepts six
    assert "to be posted" not in box.describe()


def test_deliver_to_goes_by_the_path_of_a_messages_own_url_and_not_by_its_host(box, sms):
    app = WSGI()
    box.deliver_to(app, "/sms")
    url = "https://hooks.example/own/caf%C3%A9?a=b"
    sms.messages.send(**TEXT, delivery_report_url=url)
    box.advance(2)
    assert app.calls == [
        ("/own/café".encode().decode("latin-1"), "a=b", "application/json", "Hello")
    ]


def test_deliver_to_repeats_what_an_application_refuses_or_raises_on(box, sms, caplog):
    app = WSGI(503, 404)
    box.deliver_to(app, "/sms/a-secret")
    sms.messages.send(**TEXT)
    box.advance(600)
    assert [post.status for post in box.posts] == [503, 404]

    def broken(environ, start_response):
        raise ZeroDivisionError

    box.deliver_to(broken, "/sms/a-secret")
    with caplog.at_level(logging.ERROR, "smsworks_async.sandbox"):
        box.reply("07700 900123", "Yes")
    assert box.posts[-1].status == 500
    assert "ZeroDivisionError" in caplog.text
    assert "a-secret" not in caplog.text


def test_deliver_to_lets_a_test_fail_within_its_application(box):
    def stub(environ, start_response):
        pytest.fail("not this one")

    box.deliver_to(stub, "/sms")
    with pytest.raises(pytest.fail.Exception, match="not this one"):
        box.receive(sender="07700 900123", to="60777", content="Yes")
    box.deliver_to(WSGI(), "/sms")
    box.deliver()  # nothing is left that could hang


def test_deliver_to_runs_an_asgi_application_on_a_loop_of_its_own_in_plain_code(box):
    app = ASGI()
    box.deliver_to(app, "/sms")
    box.receive(sender="07700 900123", to="60777", content="Yes")
    assert app.calls == [("/sms", "Yes")]
    assert app.loop.is_closed()
    assert box.posts[0].status == 202


async def test_deliver_to_runs_an_asgi_application_on_the_loop_of_an_async_test():
    """Check with an application that sends with a client of that loop."""
    for threaded in (False, True):
        sandbox, app = Sandbox(clock=ManualClock()), ASGI()
        if threaded:
            with sandbox:
                await _converse(sandbox, app)
        else:
            async with sandbox:
                await _converse(sandbox, app)


async def _converse(sandbox, app):
    sandbox.deliver_to(app, "/sms")
    async with AsyncSMSWorks(sandbox.token, base_url=sandbox.base_url) as sms:
        await sms.messages.send(**TEXT)
        await sandbox.reply("07700 900123", "Yes")
        await sandbox.advance(2)
    assert app.calls == [("/sms", "Yes"), ("/sms", "Hello")]
    assert app.loop is asyncio.get_running_loop()


async def test_deliver_to_calls_blocking_applications_beside_the_loop():
    """Check that an application with a blocking client does not wait for a loop that it blocks."""
    async with Sandbox(clock=ManualClock()) as box:

        def app(environ, start_response):
            with SMSWorks(box.token, base_url=box.base_url) as sms:
                sms.messages.send(**TEXT)
            start_response("200 OK", [])
            return [b""]

        box.deliver_to(app, "/sms")
        await box.receive(sender="07700 900124", to="60777", content="Yes")
        assert box.accepted("07700 900123") == 1
        assert box.posts[0].status == 200


def test_deliver_to_posts_by_a_test_client_of_flask_or_httpx(box):
    app, seen = Flask("app"), []

    @app.post("/sms")
    def sms():
        seen.append((request.get_json()["content"], request.query_string))
        return "", 204

    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://t") as client:
        for one in (app, app.test_client(), client):
            box.deliver_to(one, "/sms?x=1")
            box.receive(sender="07700 900123", to="60777", content="Yes")
    assert seen == [("Yes", b"x=1")] * 3
    assert [post.status for post in box.posts] == [204] * 3


async def test_deliver_to_disconnects_from_an_asgi_application_at_the_end_and_not_before():
    """Check this because Starlette's middleware waits for the disconnect message."""
    came = []

    async def app(scope, receive, send):
        await receive()
        listening = asyncio.create_task(receive())
        await settle()
        came.append(listening.done())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if len(came) == 1:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            came.append((await listening)["type"])
        else:
            tasks.append(listening)  # as a faulty application would

    tasks = []
    async with Sandbox() as box:
        box.deliver_to(app, "/sms")
        for _ in range(2):
            await box.receive(sender="07700 900123", to="60777", content="Yes")
        assert came == [False, "http.disconnect", False]
        assert (await tasks[0])["type"] == "http.disconnect"


async def test_deliver_to_awaits_an_async_client():
    app = ASGI()
    async with (
        Sandbox() as box,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client,
    ):
        box.deliver_to(client, "/sms")
        await box.receive(sender="07700 900123", to="60777", content="Yes")
        assert box.posts[0].status == 202


async def test_deliver_to_awaits_the_test_client_of_aiohttp():
    seen = []

    async def sms(request):
        seen.append(((await request.json())["content"], request.query_string))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/sms", sms)
    async with Sandbox() as box, TestClient(TestServer(app)) as client:
        box.deliver_to(client, "/sms?x=1")
        await box.receive(sender="07700 900123", to="60777", content="Yes")
        assert box.posts[0].status == 204
    assert seen == [("Yes", "x=1")]


def test_deliver_to_refuses_an_async_client_where_nothing_is_awaited(box):
    client = httpx.AsyncClient(transport=httpx.ASGITransport(ASGI()), base_url="http://t")
    box.deliver_to(client, "/sms")
    with pytest.raises(TypeError, match="this test client is asynchronous"):
        box.receive(sender="07700 900123", to="60777", content="Yes")


def test_deliver_to_tells_asgi_from_wsgi_where_arguments_have_no_names(box):
    wsgi, asgi = WSGI(), ASGI()

    def plain(*arguments):
        return wsgi(*arguments)

    async def coroutine(*arguments):
        await asgi(*arguments)

    class Response:
        """An application object that is created for each request, as PEP 3333 allows."""

        def __init__(self, environ, start_response):
            self.answer = wsgi(environ, start_response)

        def __iter__(self):
            return self.answer

    for app in (plain, coroutine, Response):
        box.deliver_to(app, "/sms")
        box.receive(sender="07700 900123", to="60777", content="Yes")
    assert [post.status for post in box.posts] == [200, 202, 200]


@pytest.mark.parametrize("app", [object(), 3, lambda: None, web.Application()])
def test_deliver_to_refuses_what_is_no_application(box, app):
    with pytest.raises(TypeError, match="ASGI"):
        box.deliver_to(app, "/sms")


def test_deliver_to_puts_the_webhooks_secret_into_the_path(box, monkeypatch):
    app = WSGI()
    with pytest.raises(ValueError, match="SMSWORKS_WEBHOOK_SECRET is not set"):
        box.deliver_to(app, "/sms/{secret}")
    monkeypatch.setenv("SMSWORKS_WEBHOOK_SECRET", "new, old")
    box.deliver_to(app, "/sms/{secret}")
    box.receive(sender="07700 900123", to="60777", content="Yes")
    assert app.calls[0][0] == "/sms/new"
    with pytest.raises(ValueError, match="slash"):
        box.deliver_to(app, "sms")


async def test_deliver_to_ends_when_its_caller_is_cancelled():
    entered, left = asyncio.Event(), []

    async def app(scope, receive, send):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.append(1)

    sandbox = Sandbox(reporting=Reporting(incoming_copies=2))
    with sandbox:
        sandbox.deliver_to(app, "/sms")
        waiting = asyncio.create_task(
            sandbox.receive(sender="07700 900123", to="60777", content="Yes")
        )
        await entered.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert left == [1]
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}
