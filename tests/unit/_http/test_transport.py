"""One request: the interpretation of responses and of failures without one."""

from __future__ import annotations

import errno
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from unittest.mock import AsyncMock

import aiohttp
import pytest
from yarl import URL

from smsworks_async import (
    APIError,
    ConfigurationError,
    FloodingRefused,
    InvalidMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServiceError,
)
from smsworks_async._http.operations import Operation
from smsworks_async._http.responses import interpret
from smsworks_async._http.transport import Body, failure, request


SEND = Operation("POST", "/message/send")
READ = Operation("GET", "/messages/{}", repeatable=True)
SAMPLE = Operation("GET", "/utils/errors/{}", repeatable=True, answers_errors=True)
OBJECT = b'{"message": "No.", "errorCode": %d, "status": "FAILED", "permanent": %s}'
DISCONNECTED = aiohttp.ServerDisconnectedError()
KEY = aiohttp.client_reqrep.ConnectionKey("h", 1, True, True, None, None, None)
REFUSED = aiohttp.ClientConnectorError(KEY, OSError(111, "refused"))


@pytest.mark.parametrize(
    ("kind", "host", "number", "hinted"),
    [
        (aiohttp.ClientConnectorError, "::1", errno.ECONNREFUSED, True),
        (aiohttp.ClientConnectorError, "api.example", errno.ECONNREFUSED, False),
        (aiohttp.ClientConnectorError, "127.0.0.1", errno.ETIMEDOUT, False),
        (aiohttp.ClientProxyConnectionError, "127.0.0.1", errno.ECONNREFUSED, False),
    ],
)
def test_failure_mentions_the_sandbox_for_a_refused_connection_to_this_machine_alone(
    kind, host, number, hinted
):
    key = aiohttp.client_reqrep.ConnectionKey(host, 8025, False, True, None, None, None)
    error = kind(key, OSError(number, "no"))
    told = str(failure(error, SEND, left=False, proxied=False))
    assert ("sandbox --port 8025" in told) is hinted


def answer(operation, status, content, headers=None, **options):
    return interpret(operation, status, headers or {}, content, **options)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_interpret_returns_any_2xx_with_json(status):
    assert answer(SEND, status, b'{"messageid": "1"}') == {"messageid": "1"}


@pytest.mark.parametrize("operation", [SEND, READ])
@pytest.mark.parametrize(
    "content", [b"", b"<html>", b'{"messageid": "1', b"\xff\xfe", b"[" * 99999]
)
def test_interpret_leaves_the_outcome_unknown_where_an_answer_is_not_whole_json(operation, content):
    with pytest.raises(OutcomeUnknown) as caught:
        answer(operation, 200, content)
    assert caught.value.safe_to_repeat is operation.repeatable
    assert caught.value.__cause__ is not None
    assert getattr(caught.value.__cause__, "doc", "") == ""


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_interpret_reads_an_answer_with_a_byte_order_mark(encoding):
    accepted = '{"messageid": "1", "status": "SENT"}'.encode(encoding)
    assert answer(SEND, 201, accepted)["messageid"] == "1"
    with pytest.raises(FloodingRefused) as caught:
        answer(SEND, 400, (OBJECT % (5020, b"true")).decode().encode(encoding))
    assert caught.value.code == 5020
    with pytest.raises(OutcomeUnknown) as unknown:
        answer(SEND, 400, '{"batchid": 12}'.encode(encoding))
    assert unknown.value.batch_id == "12"


def test_interpret_takes_an_error_object_for_a_refusal_whatever_the_status():
    with pytest.raises(ServiceError) as caught:
        answer(SEND, 400, OBJECT % (5006, b"false"))
    assert (caught.value.code, caught.value.permanent, caught.value.status) == (5006, False, 400)
    with pytest.raises(APIError):
        answer(SEND, 200, OBJECT % (4004, b"true"))
    with pytest.raises(APIError):
        answer(SEND, 503, OBJECT % (4004, b"true"))


@pytest.mark.parametrize("code", ["null", '"5002"', "true", "5002.5"])
def test_interpret_of_a_5xx_without_an_integer_code_leaves_a_send_unknown_and_fails_a_read(code):
    content = b'{"message": "No.", "errorCode": %s}' % code.encode()
    with pytest.raises(OutcomeUnknown):
        answer(SEND, 500, content)
    with pytest.raises(ServiceError) as caught:
        answer(READ, 500, content)
    assert not caught.value.permanent


REFUSALS = [
    (400, b'"errorCode": 5006, "permanent": false'),
    (400, b'"errorCode": 4004, "permanent": true'),
    (401, b'"errorCode": 4011'),
    (404, b'"message": "No."'),
    (429, b'"message": "Slow down."'),
    (503, b'"errorCode": 5002'),
    (503, b'"message": "No."'),
]


@pytest.mark.parametrize(("status", "fields"), REFUSALS)
@pytest.mark.parametrize(
    ("ids", "message_id", "batch_id"),
    [
        (b'"messageid": "abc-1"', "abc-1", None),
        (b'"batchid": 123456789012345678', None, "123456789012345678"),
        (b'"batchid": 12.0', None, "12"),
        (b'"messageid": 1, "batchid": "2"', "1", "2"),
        (b'"messageid": 1, "batchid": null', "1", None),
        (b'"messageId": "1", "batchID": "2"', "1", "2"),
    ],
)
def test_interpret_of_a_refusal_with_an_id_leaves_a_send_unknown_and_keeps_the_id(
    status, fields, ids, message_id, batch_id
):
    content = b"{%b, %b}" % (fields, ids)
    for answered in (content, b"[%b]" % content):
        with pytest.raises(OutcomeUnknown, match="contains an id") as caught:
            answer(SEND, status, answered)
        error = caught.value
        assert (error.message_id, error.batch_id) == (message_id, batch_id)
        assert error.safe_to_repeat is False
        assert ("messages.get" in str(error)) is (message_id is not None)
        assert ("batches.get" in str(error)) is (batch_id is not None)


@pytest.mark.parametrize(
    "id", [b"{}", b'["1"]', b"true", b"false", b"1.5", b'"Hello you"', b'"%b"' % (b"x" * 300)]
)
def test_interpret_of_a_refusal_with_an_unreadable_id_leaves_a_send_unknown(id):
    with pytest.raises(OutcomeUnknown, match="contains an id") as caught:
        answer(SEND, 400, b'{"message": "No.", "batchid": %b}' % id)
    assert (caught.value.message_id, caught.value.batch_id) == (None, None)


@pytest.mark.parametrize("id", [b"null", b'""', b'" "'])
def test_interpret_takes_a_blank_id_for_none(id):
    with pytest.raises(InvalidMessage):
        answer(SEND, 400, b'{"message": "No.", "messageid": %b}' % id)
    with pytest.raises(APIError):
        answer(SEND, 200, b'{"errorCode": 4004, "messageid": %b}' % id)


def test_interpret_of_an_id_beside_an_error_code_is_an_acceptance_when_the_status_says_so():
    assert answer(SEND, 201, b'{"messageid": "1", "errorCode": 0}')["messageid"] == "1"


@pytest.mark.parametrize(("status", "fields"), REFUSALS)
def test_interpret_of_a_refused_read_is_a_refusal_whatever_ids_it_names(status, fields):
    with pytest.raises(APIError):
        answer(READ, status, b'{%b, "messageid": "1"}' % fields)


def test_interpret_takes_a_redirect_for_a_permanent_refusal():
    with pytest.raises(APIError, match="base URL") as caught:
        answer(SEND, 302, b"", {"Location": "https://elsewhere.example/"})
    assert caught.value.permanent


def test_interpret_of_a_4xx_with_a_page_says_that_it_gives_no_reason():
    with pytest.raises(InvalidMessage, match="text/html"):
        answer(SEND, 400, b"<html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize("permanent", [b"false", b'"false"', b'"False"'])
def test_interpret_reads_a_permanent_flag_that_is_a_string(permanent):
    with pytest.raises(APIError) as caught:
        answer(SEND, 400, OBJECT % (4004, permanent))
    assert caught.value.permanent is False


def test_interpret_reads_retry_after_as_seconds_or_as_a_date():
    now = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
    with pytest.raises(RateLimited) as caught:
        answer(SEND, 429, b"", {"Retry-After": "7"}, now=now)
    assert caught.value.retry_after == 7
    with pytest.raises(RateLimited) as caught:
        answer(SEND, 429, b"", {"Retry-After": "Tue, 06 May 2031 12:01:00 GMT"}, now=now)
    assert caught.value.retry_after == 60


def test_interpret_returns_a_sample_of_an_error():
    assert answer(SAMPLE, 402, OBJECT % (4021, b"true"))["errorCode"] == 4021


def test_interpret_repeats_the_apis_words_without_tokens_texts_and_numbers():
    words = (
        b'{"message": "Refused: My secret text to 447700900123 (+44 7700 900456) '
        b'with JWT eyJhbGciOi.abc-d_e.f and %s"}'
    ) % (b"x" * 1000)
    with pytest.raises(InvalidMessage) as caught:
        answer(SEND, 400, words, secrets=lambda: ("My secret text",))
    said = str(caught.value)
    assert "secret" not in said
    assert "eyJ" not in said
    assert "7700" not in said
    assert "…123" in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("error", "left", "proxied", "expected"),
    [
        (REFUSED, False, False, NotSent),
        (REFUSED, True, False, OutcomeUnknown),
        (aiohttp.ConnectionTimeoutError(), False, False, NotSent),
        (DISCONNECTED, False, False, OutcomeUnknown),
        (DISCONNECTED, False, True, NotSent),
        (DISCONNECTED, True, True, OutcomeUnknown),
        (TimeoutError(), False, False, OutcomeUnknown),
        (aiohttp.ClientPayloadError(), True, False, OutcomeUnknown),
        (ValueError("AUTH"), False, False, ConfigurationError),
        (ValueError("AUTH"), True, False, OutcomeUnknown),
        (RuntimeError("Session is closed"), False, False, ConfigurationError),
    ],
)
def test_failure_is_not_sent_only_if_the_body_stayed_and_the_failure_came_before_it(
    error, left, proxied, expected
):
    verdict = failure(error, SEND, left=left, proxied=proxied)
    assert type(verdict) is expected
    assert verdict.safe_to_repeat is (expected is not OutcomeUnknown)


def test_failure_of_a_read_without_a_body_that_found_no_server_is_not_sent():
    assert isinstance(failure(REFUSED, READ, left=True, proxied=False), NotSent)


async def test_a_body_marks_itself_before_it_writes():
    body = Body(b"{}", once=True)
    writer = AsyncMock()
    writer.write.side_effect = lambda _: body.left or pytest.fail("it was not marked")
    assert not body.left
    await body.write_with_length(writer, 2)
    assert body.left


async def test_a_sealed_body_does_not_leave():
    body = Body(b"{}", once=True)
    body.seal()
    writer = AsyncMock()
    for write in (body.write(writer), body.write_with_length(writer, 2)):
        with pytest.raises(aiohttp.ClientError):
            await write
    writer.write.assert_not_called()
    assert not body.left


async def test_a_body_that_may_leave_once_leaves_once():
    writer = AsyncMock()
    once, often = Body(b"{}", once=True), Body(b"{}", once=False)
    for body in (once, often, often):
        await body.write(writer)
    with pytest.raises(aiohttp.ClientError):
        await once.write(writer)
    assert writer.write.await_count == 3


async def test_a_body_whose_time_is_over_does_not_leave():
    writer = AsyncMock()
    await Body(b"{}", once=True, expired=lambda: False).write(writer)
    late = Body(b"{}", once=True, expired=lambda: True)
    with pytest.raises(aiohttp.ClientError):
        await late.write(writer)
    assert not late.left
    assert writer.write.await_count == 1


class Deaf:
    """A session that returns a response although the body refused to be written."""

    status = 201
    headers = {}  # noqa: RUF012 - nobody writes to them
    content = AsyncMock(readany=AsyncMock(return_value=b'{"messageid": "GHOST"}'), at_eof=lambda: 1)

    @asynccontextmanager
    async def request(self, *_, data, **__):
        with pytest.raises(aiohttp.ClientError):
            await data.write(AsyncMock())
        yield self


@pytest.mark.parametrize("proxied", [False, True])
async def test_request_takes_no_answer_to_what_did_not_leave(proxied):
    body = Body(b"{}", once=True, expired=lambda: True)
    with pytest.raises(NotSent, match="time had expired"):
        await request(Deaf(), SEND, URL("http://h"), body, {}, proxied=proxied, options={})


def test_a_body_above_a_megabyte_raises_no_warning():
    assert Body(b" " * 2_000_000, once=True).size == 2_000_000
