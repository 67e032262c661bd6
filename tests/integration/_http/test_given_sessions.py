"""A caller's session: outcomes are as reliable as with the client's own."""

from __future__ import annotations

import asyncio
import gzip
import os
import select
import socket
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    InsufficientCredit,
    NotSent,
    OutcomeUnknown,
    RetryPolicy,
    SMSWorksError,
)
from smsworks_async._http.session import guard
from smsworks_async.sandbox import Fault
from support.internals import kept_connections, session_of
from support.messages import TEXT
from support.sandboxes import AT_ONCE
from support.waiting import until


ONCE = RetryPolicy(attempts=1)


def answer(body, status="201 Created"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n".encode()
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


GHOST = answer(b'{"messageid": "GHOST", "batchid": "GHOST", "status": "SENT", "credits": 666}')


class Server:
    """Answers each request, and on demand sends unsolicited data on every connection.

    Attributes:
        requests: the request lines that have arrived.
        greets: whether it sends data as soon as a client connects.
    """

    def __init__(self):
        self.requests = []
        self.greets = False
        self.writers = []

    async def handle(self, reader, writer):
        self.writers.append(writer)
        if self.greets:
            writer.write(GHOST)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, after = head.lower().partition(b"content-length: ")
                await reader.readexactly(int(after.partition(b"\r\n")[0] or 0))
                self.requests.append(head.partition(b" HTTP")[0].decode())
                count = len(self.requests)
                body = b'{"messageid": "%d", "status": "SENT", "credits": %d}' % (count, count)
                writer.write(answer(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has disconnected
        finally:
            writer.close()

    async def speak_unasked(self, session):
        """Write an unsolicited response, and wait until the client has received it."""
        for writer in self.writers:
            if not writer.is_closing():
                writer.write(GHOST)
                await writer.drain()
        await until(lambda: all(p.should_close for p in kept_connections(session)))


@asynccontextmanager
async def serving(kind="tcp"):
    """Run a server; yield it, a connector for it, and a base URL."""
    server = Server()
    if kind == "unix":
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "socket"))
            async with await asyncio.start_unix_server(server.handle, path):
                yield server, aiohttp.UnixConnector(path), "http://127.0.0.1:1/v1"
    else:
        limit = {"tcp": 100, "unlimited": 0, "one": 1}[kind]
        async with await asyncio.start_server(server.handle, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            connector = aiohttp.TCPConnector(limit=limit)
            yield server, connector, f"http://127.0.0.1:{port}/v1"


KINDS = [
    "tcp",
    "unlimited",
    "one",
    pytest.param(
        "unix", marks=pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets")
    ),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_given_session_takes_an_unasked_answer_on_a_kept_connection_for_none(kind):
    async with (
        serving(kind) as (server, connector, base_url),
        aiohttp.ClientSession(connector=connector) as session,
        AsyncSMSWorks("eyJ", base_url=base_url, session=session) as sms,
    ):
        for count in (1, 2, 3):
            assert (await sms.messages.send(**TEXT)).message_id == str(count)
            await server.speak_unasked(session)
        assert await sms.credits.balance() == 4  # which has no body
        await server.speak_unasked(session)
        assert await sms.credits.balance() == 5
    assert len(server.requests) == 5


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("closes", [True, False])
async def test_given_session_takes_what_came_while_the_loop_was_busy_for_no_answer(given, closes):
    async with (
        serving() as (server, connector, base_url),
        aiohttp.ClientSession(connector=connector) as theirs,
        AsyncSMSWorks("eyJ", base_url=base_url, session=theirs if given else None) as sms,
    ):
        assert (await sms.messages.send(**TEXT)).message_id == "1"
        (kept,) = kept_connections(session_of(sms))
        (writer,) = server.writers
        # As from another process: this loop does not see it before the next write.
        there = writer.get_extra_info("socket")
        os.write(there.fileno(), GHOST)
        if closes:
            with socket.socket(fileno=os.dup(there.fileno())) as copy:
                copy.shutdown(socket.SHUT_WR)
        here = kept.transport.get_extra_info("socket")
        assert select.select([here], [], [], 60)[0]
        assert not kept.should_close
        assert (await sms.messages.send(**TEXT)).message_id == "2"
    assert len(server.requests) == 2


async def test_given_session_sends_nothing_on_a_connection_closed_as_it_is_handed_over():
    class Closing(aiohttp.TCPConnector):
        """A connector that returns connections that were just closed."""

        async def connect(self, *args, **options):
            connection = await super().connect(*args, **options)
            connection.transport.abort()
            await until(lambda: connection.protocol.transport is None)
            return connection

    async with (
        serving() as (server, _, base_url),
        aiohttp.ClientSession(connector=Closing(limit=1)) as session,
        AsyncSMSWorks("eyJ", base_url=base_url, session=session, retry=ONCE) as sms,
    ):
        with pytest.raises(SMSWorksError) as caught:
            await sms.messages.send(**TEXT)
    assert isinstance(caught.value, NotSent | OutcomeUnknown)
    assert server.requests == []


async def test_given_session_passes_over_all_kept_connections_with_something_on_them():
    async with (
        serving("unlimited") as (server, connector, base_url),
        aiohttp.ClientSession(connector=connector) as session,
        AsyncSMSWorks("eyJ", base_url=base_url, session=session) as sms,
    ):
        await asyncio.gather(*(sms.messages.send(**TEXT) for _ in range(150)))
        assert len(kept_connections(session)) > 101
        await server.speak_unasked(session)
        assert (await sms.messages.send(**TEXT)).message_id == "151"
    assert len(server.requests) == 151


async def test_given_session_sends_nothing_to_a_server_that_always_speaks_first():
    class Late(aiohttp.TCPConnector):
        """A connector that returns a connection with unread input."""

        async def connect(self, *args, **options):
            connection = await super().connect(*args, **options)
            self.connected = getattr(self, "connected", 0) + 1
            await until(lambda: connection.protocol.should_close)
            return connection

    async with (
        serving() as (server, _, base_url),
        aiohttp.ClientSession(connector=Late(limit=3)) as session,
        AsyncSMSWorks("eyJ", base_url=base_url, session=session, retry=ONCE) as sms,
    ):
        server.greets = True
        for call in (sms.messages.send(**TEXT), sms.credits.balance()):
            with pytest.raises(NotSent, match="Unasked"):
                await call
        assert session.connector.connected == 8
    assert server.requests == []


async def test_given_session_is_guarded_once_by_clients_that_share_it():
    async with (
        serving() as (_, connector, base_url),
        aiohttp.ClientSession(connector=connector) as session,
    ):
        clients = [AsyncSMSWorks("eyJ", base_url=base_url, session=session) for _ in range(3)]
        guards = set()
        for sms in clients:
            await sms.messages.send(**TEXT)
            guards.add(connector.connect)
        assert len(guards) == 1
        guard(connector)
        assert guards == {connector.connect}


async def pass_on(request, handler):
    return await handler(request)


async def read_first(request, handler):
    response = await handler(request)
    await response.read()
    return response


async def raise_for_status(request, handler):
    response = await handler(request)
    response.raise_for_status()
    return response


async def check(response):
    response.raise_for_status()


SETTINGS = {
    "none": dict,
    "raise_for_status": lambda: {"raise_for_status": True},
    "a function as raise_for_status": lambda: {"raise_for_status": check},
    "auto_decompress=False": lambda: {"auto_decompress": False},
    "a cookie jar": lambda: {"cookie_jar": aiohttp.CookieJar(unsafe=True), "cookies": {"a": "b"}},
    "a short time-out": lambda: {"timeout": aiohttp.ClientTimeout(total=1e-9)},
    "HTTP 1.0": lambda: {"version": aiohttp.HttpVersion10},
    "a middleware": lambda: {"middlewares": (pass_on,)},
    "a middleware that reads": lambda: {"middlewares": (read_first, pass_on)},
    "no automatic headers": lambda: {"skip_auto_headers": ["Content-Type", "Accept-Encoding"]},
    "headers": lambda: {
        "headers": {
            "Authorization": "JWT eyJother",
            "Content-Type": "text/plain",
            "Accept": "text/html",
            "User-Agent": "other",
        }
    },
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_given_session_changes_no_outcome_whatever_its_settings(box, name):
    async with (
        aiohttp.ClientSession(**SETTINGS[name]()) as session,
        AsyncSMSWorks(box.token, base_url=box.base_url, session=session, retry=AT_ONCE) as sms,
    ):
        assert (await sms.messages.send(**TEXT)).status == "SENT"
        assert await sms.credits.balance() == 9999

        box.add_fault(Fault(path="/message/send", status=429))  # repeated, since it was rejected
        assert (await sms.messages.send(**TEXT)).status == "SENT"

        box.add_fault(Fault(path="/message/send", error_code=4021, times=1))
        with pytest.raises(InsufficientCredit):
            await sms.messages.send(**TEXT)
        assert box.accepted() == 2

        box.add_fault(Fault(path="/message/send", when="after", status=503))
        box.add_fault(Fault(path="/message/send", when="after", nth=2))
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await sms.messages.send(**TEXT)
        assert box.accepted() == 4
    assert len(box.requests) == 7


async def test_given_session_with_a_middleware_that_raises_for_a_status_leaves_a_send_unknown(box):
    async with (
        aiohttp.ClientSession(middlewares=(raise_for_status,)) as session,
        AsyncSMSWorks(box.token, base_url=box.base_url, session=session, retry=AT_ONCE) as sms,
    ):
        box.add_fault(Fault(path="/message/send", when="after", status=429))
        with pytest.raises(OutcomeUnknown):
            await sms.messages.send(**TEXT)
    assert box.accepted() == len(box.requests) == 1


@pytest.mark.parametrize("decompress", [True, False])
async def test_given_session_unpacks_a_packed_answer(decompress):
    async def packed(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = gzip.compress(b'{"messageid": "1", "status": "SENT"}')
        whole = answer(body).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
        writer.write(whole)
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(packed, "127.0.0.1", 0) as server,
        aiohttp.ClientSession(auto_decompress=decompress) as session,
        AsyncSMSWorks(
            "eyJ",
            base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1",
            session=session,
        ) as sms,
    ):
        assert (await sms.messages.send(**TEXT)).message_id == "1"
