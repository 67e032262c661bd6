"""Sessions, loops, connections, and network problems."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
)
from smsworks_async._http.transport import MAX_ANSWER
from smsworks_async.sandbox import Fault
from support.canned import canned
from support.messages import TEXT, TEXT_TO_MANY
from support.sandboxes import AT_ONCE, UNTRUSTED, HostedSandbox
from support.waiting import end_calls


def connections(box):
    return len({record.connection for record in box.requests})


async def test_send_shares_the_pool_with_49_others(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, max_connections=10) as sms:
        sent = await asyncio.gather(
            *(sms.messages.send(**{**TEXT, "destination": f"07700 900{n:03d}"}) for n in range(50))
        )
    assert len({message.message_id for message in sent}) == box.accepted() == 50
    assert connections(box) <= 10


async def test_session_keeps_one_connection_for_calls_in_a_row(box, sms):
    for _ in range(20):
        await sms.credits.balance()
    assert connections(box) == 1


async def test_client_uses_a_session_of_the_callers_and_leaves_it_open(box):
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with AsyncSMSWorks(box.token, base_url=box.base_url, session=session) as sms:
            assert (await sms.messages.send(**TEXT)).status == "SENT"
            box.add_fault(Fault(path="*", status=429, times=0))
            with pytest.raises(RateLimited):
                await AsyncSMSWorks(
                    box.token, base_url=box.base_url, session=session, retry=AT_ONCE
                ).messages.send(**TEXT)
        assert not session.closed


async def test_client_says_so_where_its_given_session_is_closed(box):
    session = aiohttp.ClientSession()
    await session.close()
    async with AsyncSMSWorks(box.token, base_url=box.base_url, session=session) as sms:
        with pytest.raises(ConfigurationError, match="closed"):
            await sms.messages.send(**TEXT)


async def test_client_says_so_when_it_is_closed(box):
    sms = AsyncSMSWorks(box.token, base_url=box.base_url)
    await sms.credits.balance()
    await sms.close()
    await sms.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await sms.credits.balance()


def test_client_makes_a_new_session_after_its_loop_has_closed(hosted: HostedSandbox):
    sms = AsyncSMSWorks(hosted.box.token, base_url=hosted.box.base_url)
    for _ in range(3):
        assert asyncio.run(sms.credits.balance()) > 0
    asyncio.run(sms.close())
    gc.collect()


async def test_client_refuses_another_loop_while_the_first_still_runs(box, sms):
    await sms.credits.balance()

    def elsewhere():
        with pytest.raises(ConfigurationError, match="another event loop"):
            asyncio.run(sms.credits.balance())
        with pytest.raises(ConfigurationError, match="event loop"):
            asyncio.run(sms.close())

    await asyncio.to_thread(elsewhere)
    assert await sms.credits.balance() > 0


async def test_session_shows_the_requests_to_trace_configs(box):
    seen = []

    async def on_start(session, context, params):
        seen.append((params.method, params.url.path))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    async with AsyncSMSWorks(box.token, base_url=box.base_url, trace_configs=[trace]) as sms:
        await sms.messages.send(**TEXT)
    assert seen == [("POST", "/v1/message/send")]


async def test_session_names_the_package_in_its_user_agent():
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"credits":1}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        assert await sms.credits.balance() == 1
    assert heads[0].startswith(b"GET /v1/credits/balance HTTP/1.1\r\n")
    assert b"User-Agent: smsworks-async/" in heads[0]
    assert b"Authorization: JWT eyJ\r\n" in heads[0]


async def test_client_keeps_to_its_rate(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, max_rate=0.001) as sms:
        await sms.credits.balance()
        second = asyncio.create_task(sms.credits.balance())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not second.done()
        end_calls(sms)
        with pytest.raises(NotSent):  # it would have been sent in a thousand seconds
            await second
    assert len(box.requests) == 1


async def test_utils_error_returns_a_sample_whatever_its_status(box, sms):
    box.add_fault(Fault(path="/utils/errors/5002", status=503, error_code=5002, times=0))
    assert (await sms.utils.error(5002)).code == 5002
    assert (await sms.utils.error(4011)).code == 4011
    assert len(box.requests) == 2


async def serving(answer):
    """Serve one response to all requests, in chunks."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
        await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
        try:
            for piece in answer:
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass  # the client has stopped reading
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("chunked", [False, True])
async def test_session_cuts_off_an_answer_of_many_megabytes_and_the_outcome_is_unknown(chunked):
    size = MAX_ANSWER + 2 * 1024 * 1024
    piece = b"[" * 65536
    if chunked:
        head = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]
        body = [b"10000\r\n" + piece + b"\r\n"] * (size // len(piece)) + [b"0\r\n\r\n"]
    else:
        head, body = [HEAD + b"Content-Length: %d\r\n\r\n" % size], [piece] * (size // len(piece))
    server = await serving(head + body)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        with pytest.raises(OutcomeUnknown) as caught:
            await sms.messages.send(**TEXT)
    assert str(caught.value.__cause__).startswith("ClientPayloadError: the response is longer")


async def test_session_reads_an_answer_in_many_pieces_whole():
    record = {"messageid": "1", "status": "SENT", "content": "x" * 200}
    body = json.dumps([record] * 1000).encode()
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
    server = await serving([head, *(body[n : n + 7000] for n in range(0, len(body), 7000))])
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        assert len(await sms.messages.search()) == 1000


@pytest.mark.parametrize(
    "body",
    [
        "<html>welcome to the hotel's network</html>",
        '{"messageid": "12',
        "[]",
        "null",
        "5",
        '{"messageid": {}, "status": 5}',
        '{"messageid": ["plenty"], "status": "SENT"}',
    ],
)
async def test_send_is_unknown_with_its_cause_after_an_answer_of_another_shape(box, sms, body):
    box.add_fault(Fault(path="*", when="after", status=200, body=body))
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.messages.send(**TEXT)
    assert caught.value.__cause__ is not None
    assert "hotel" not in str(caught.value)
    assert "plenty" not in str(caught.value)
    assert len(box.requests) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aiohttp.ServerDisconnectedError(), OutcomeUnknown),
        (TimeoutError(), OutcomeUnknown),
        (aiohttp.ClientPayloadError(), OutcomeUnknown),
        (ConnectionResetError(), OutcomeUnknown),
        (
            aiohttp.ClientConnectorError(Mock(ssl=True, host="h", port=1), OSError(111, "refused")),
            NotSent,
        ),
    ],
)
async def test_send_classifies_a_mocked_failure_by_what_it_can_be(error, expected):
    with aioresponses() as mocked:
        mocked.post("http://127.0.0.1:1/v1/message/send", exception=error, repeat=True)
        async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:1/v1", retry=AT_ONCE) as sms:
            with pytest.raises(expected):
                await sms.messages.send(**TEXT)


async def test_client_may_be_mocked_with_aioresponses():
    with aioresponses() as mocked:
        mocked.post(
            "http://127.0.0.1:1/v1/message/send",
            status=201,
            payload={"messageid": 1, "status": "SENT", "credits": 1, "creditsUsed": 1},
            response_class=canned(),
        )
        async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:1/v1") as sms:
            assert (await sms.messages.send(**TEXT)).message_id == "1"


async def test_send_to_a_server_with_an_untrusted_certificate_is_not_sent():
    seen = []

    async def serve(reader, writer):
        seen.append(await reader.read())
        writer.close()

    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(UNTRUSTED)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secure)
    base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, AsyncSMSWorks("eyJ", base_url=base_url, retry=AT_ONCE) as sms:
        with pytest.raises(NotSent, match=r"ClientConnectorCertificateError: .*certificate"):
            await sms.messages.send(**TEXT)
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=["07700 900123"])
        assert (report.not_sent, report.unknown) == (1, 0)
        with pytest.raises(NotSent):
            await sms.credits.balance()
    assert seen == []
