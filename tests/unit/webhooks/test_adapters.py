"""Unusual behaviour of servers towards ASGI and WSGI applications."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from aiohttp import StreamReader, web

from smsworks_async.webhooks import Webhooks
from smsworks_async.webhooks.aiohttp import _read
from smsworks_async.webhooks.executors import drive
from smsworks_async.webhooks.request import Rejected
from support.clock import FakeClock


SECRET = "the-webhook-secret-of-these-tests-AAAA"
REPORT = json.dumps({"messageid": "1", "status": "DELIVERED"}).encode()


@pytest.fixture
def told():
    return []


@pytest.fixture
def hooks(told):
    return Webhooks(on_report=told.append, secrets=SECRET, receive_timeout=10.0)


def scope(**changes):
    return {
        "type": "http",
        "method": "POST",
        "path": f"/sms/{SECRET}",
        "headers": [],
        "client": ("127.0.0.1", 4711),
        **changes,
    }


async def asgi(hooks, scope_, *messages):
    """Call the application; return what it sends. No message follows the last one."""
    left, sent = list(messages), []

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message):
        sent.append(message)

    await hooks.asgi()(scope_, receive, send)
    return sent


def piece(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_asgi_takes_a_body_in_pieces(hooks, told):
    start, _ = await asgi(hooks, scope(), piece(REPORT[:9]), piece(REPORT[9:], more=False))
    assert start["status"] == 200
    assert dict(start["headers"]) == {b"content-length": b"0"}
    assert [report.message_id for report in told] == ["1"]


async def test_asgi_takes_a_message_without_a_body_for_an_empty_one(hooks):
    start, _ = await asgi(hooks, scope(client=None), {"type": "http.request"})
    assert start["status"] == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"content-length", b"65537")], 413),
        ([(b"content-length", b"many")], 413),
        ([(b"content-length", b"9" * 5000)], 413),
        ([(b"host", b"x"), (b"content-length", b"1")], 413),
    ],
)
async def test_asgi_cuts_a_body_off_whatever_its_length_says_and_does_not_wait_for_the_rest(
    hooks, headers, status
):
    pieces = [piece(b"x" * 2**15) for _ in range(3)]
    start, _ = await asgi(hooks, scope(headers=headers), *pieces)
    assert start["status"] == status
    assert (b"connection", b"close") in start["headers"]


async def test_asgi_says_nothing_to_somebody_who_has_left(hooks, told):
    assert await asgi(hooks, scope(), piece(REPORT), {"type": "http.disconnect"}) == []
    assert told == []


async def test_asgi_gives_up_on_a_body_that_does_not_come(told):
    hooks = Webhooks(on_report=told.append, secrets=SECRET, receive_timeout=0.001)
    start, _ = await asgi(hooks, scope(), piece(REPORT))
    assert start["status"] == 408


async def test_asgi_starts_and_stops_with_its_server(hooks):
    startup, shutdown = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    assert await asgi(hooks, {"type": "lifespan"}, startup, shutdown) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


async def test_asgi_has_no_use_for_web_sockets(hooks):
    assert await asgi(hooks, {"type": "websocket"}) == [{"type": "websocket.close"}]


def wsgi(hooks, stream, **environ):
    answers = []
    body = hooks.wsgi()(
        {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "/sms",
            "PATH_INFO": f"/{SECRET}",
            "wsgi.input": stream,
            **environ,
        },
        lambda status, headers: answers.append((status, headers)),
    )
    assert list(body) == [b""]
    [(status, headers)] = answers
    assert headers == [("Content-Length", "0")]
    return status


class Input:
    """A WSGI input with only the `read` of PEP 3333, which waits for all requested bytes.

    Each byte takes a second of the clock.
    """

    def __init__(self, body, clock=None):
        self._body = io.BytesIO(body)
        self._clock = clock

    def read(self, size):
        assert size > 0
        if self._clock is not None:
            self._clock.advance(size)
        return self._body.read(size)


@pytest.mark.parametrize("stream", [Input, io.BytesIO])
def test_wsgi_reads_as_much_as_the_length_says(hooks, told, stream):
    body = REPORT + b"and the next request"
    assert wsgi(hooks, stream(body), CONTENT_LENGTH=str(len(REPORT))) == "200 OK"
    assert len(told) == 1


@pytest.mark.parametrize("stream", [Input, io.BytesIO])
def test_wsgi_reads_to_the_end_where_the_server_says_that_there_is_one(hooks, told, stream):
    assert wsgi(hooks, stream(REPORT), **{"wsgi.input_terminated": True}) == "200 OK"
    large = stream(b"x" * 100_000)
    refused = wsgi(hooks, large, **{"wsgi.input_terminated": True})
    assert refused.startswith("413 ")
    assert len(told) == 1


@pytest.mark.parametrize("length", ["", "many", "-1", "²", "0"])
def test_wsgi_reads_nothing_where_nobody_says_how_much_there_is(hooks, length):
    assert wsgi(hooks, Input(REPORT), CONTENT_LENGTH=length) == "400 Bad Request"


def test_wsgi_turns_away_what_says_that_it_is_too_large_without_reading_any_of_it(hooks):
    for length in ("65537", "9" * 5000):
        assert wsgi(hooks, None, CONTENT_LENGTH=length).startswith("413 ")


def test_wsgi_takes_a_body_that_is_shorter_than_it_says_for_what_it_is(hooks):
    assert wsgi(hooks, Input(REPORT[:-1]), CONTENT_LENGTH="60000") == "400 Bad Request"


def test_wsgi_cuts_off_what_drips_in(hooks, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("smsworks_async.webhooks.wsgi.time.monotonic", clock.monotonic)
    stream = Input(b"x" * 60_000, clock)
    assert wsgi(hooks, stream, CONTENT_LENGTH="60000").startswith("408 ")
    assert clock.monotonic() < 100


def test_wsgi_takes_a_connection_that_breaks_for_a_bad_request(hooks):
    class Broken:
        def read(self, size):
            raise ConnectionResetError

    assert wsgi(hooks, Broken(), CONTENT_LENGTH="10") == "400 Bad Request"


def test_wsgi_paths_are_bytes_dressed_up_as_latin_1(hooks):
    for path in ("/caf\xc3\xa9", "/\xff"):
        status = wsgi(hooks, Input(b""), PATH_INFO=f"{path}/{SECRET}", CONTENT_LENGTH="0")
        assert status == "400 Bad Request"  # let in, and then empty


class Protocol:
    """A connection that returns the requested number of bytes."""

    _reading_paused = False

    def resume_reading(self, *_, **__):
        pass

    def pause_reading(self):
        pass


async def test_aiohttp_takes_a_body_that_breaks_off_for_a_bad_request():
    for error in (web.RequestPayloadError("cut short"), ConnectionResetError()):
        content = StreamReader(Protocol(), limit=2**16, loop=asyncio.get_running_loop())
        content.set_exception(error)
        with pytest.raises(Rejected) as rejected:
            await _read(content, 1.0)
        assert rejected.value.status == 400


def test_drive_raises_for_a_coroutine_that_waits_for_a_loop():
    async def waits():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="suspended"):
        drive(waits())
