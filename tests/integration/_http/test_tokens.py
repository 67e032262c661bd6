"""Tokens, over a real socket: one login for all waiting calls, and one more after a refusal."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    NotAuthenticated,
    NotSent,
    RetryPolicy,
    ServiceError,
    SMSWorks,
)
from smsworks_async._http import tokens
from smsworks_async.sandbox import Fault
from support.clock import settle
from support.messages import TEXT
from support.sandboxes import AT_ONCE
from support.waiting import until


def paths(box):
    return [record.path for record in box.requests]


def logged_in(box, **settings):
    return AsyncSMSWorks(
        base_url=box.base_url,
        customer_id=box.customer_id,
        **{"key": box.key, "secret": box.secret, "retry": AT_ONCE, **settings},
    )


async def test_login_is_shared_by_fifty_calls(box):
    async with logged_in(box) as sms:
        await asyncio.gather(*(sms.messages.send(**TEXT) for _ in range(5)))
        await asyncio.gather(*(sms.credits.balance() for _ in range(50)))
    assert paths(box).count("/auth/token") == 1
    assert box.accepted() == 5


async def test_login_after_a_replaced_token_is_made_once_for_all(box):
    async with logged_in(box, token="eyJold") as sms:
        answers = await asyncio.gather(*(sms.credits.balance() for _ in range(20)))
    assert len(answers) == 20
    assert paths(box).count("/auth/token") == 1


async def test_login_that_did_not_help_raises_the_refusal(box):
    box.add_fault(Fault(path="/message/send", error_code=4011, times=0))
    async with logged_in(box) as sms:
        with pytest.raises(NotAuthenticated):
            await sms.messages.send(**TEXT)
    assert paths(box) == ["/auth/token", "/message/send", "/auth/token", "/message/send"]


async def test_login_with_a_wrong_secret_is_made_once_and_fails_every_call(box):
    async with logged_in(box, secret="wrong") as sms:
        results = await asyncio.gather(
            *(sms.messages.send(**TEXT) for _ in range(10)), return_exceptions=True
        )
    assert {type(result) for result in results} == {NotAuthenticated}
    assert paths(box) == ["/auth/token"]


async def test_token_that_is_static_and_refused_is_not_tried_again(box):
    async with AsyncSMSWorks("eyJold", base_url=box.base_url) as sms:
        with pytest.raises(NotAuthenticated):
            await sms.messages.send(**TEXT)
    assert paths(box) == ["/message/send"]


async def test_login_that_lost_its_answer_is_made_again(box):
    box.add_fault(Fault(path="/auth/token", when="after"))
    async with logged_in(box) as sms:
        await sms.messages.send(**TEXT)
    assert paths(box) == ["/auth/token", "/auth/token", "/message/send"]


async def test_send_whose_login_got_no_answer_is_not_sent(box):
    box.add_fault(Fault(path="/auth/token", when="before", times=0))
    async with logged_in(box) as sms:
        with pytest.raises(NotSent, match="token"):
            await sms.messages.send(**TEXT)
    assert "/message/send" not in paths(box)


async def test_login_that_the_service_refuses_says_so(box):
    box.add_fault(Fault(path="/auth/token", status=503, times=0))
    async with logged_in(box) as sms:
        with pytest.raises(ServiceError) as caught:
            await sms.messages.send(**TEXT)
    assert caught.value.safe_to_repeat


async def test_login_goes_on_for_the_others_when_one_call_is_cancelled(box):
    box.add_fault(Fault(path="/auth/token", when="hold"))
    async with logged_in(box) as sms:
        impatient = asyncio.create_task(sms.messages.send(**TEXT))
        patient = asyncio.create_task(sms.messages.send(**TEXT))
        await until(lambda: box.requests)
        impatient.cancel()
        await asyncio.wait([impatient])
        box.release()
        assert (await patient).status == "SENT"
    assert paths(box) == ["/auth/token", "/message/send"]


async def test_login_that_no_call_waits_for_ends_with_the_client(box):
    box.add_fault(Fault(path="/auth/token", when="hang"))
    sms = logged_in(box)
    call = asyncio.create_task(sms.credits.balance())
    await until(lambda: box.requests)
    call.cancel()
    await asyncio.wait([call])
    await sms.close()


async def test_token_function_is_called_once_and_again_after_a_refusal(box):
    asked = []

    async def fetch():
        asked.append(True)
        await asyncio.sleep(0)
        return box.token if len(asked) > 1 else "eyJold"

    async with AsyncSMSWorks(fetch, base_url=box.base_url) as sms:
        await asyncio.gather(*(sms.credits.balance() for _ in range(10)))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("fetched", "expected"),
    [(None, ConfigurationError), ("a\nb", ConfigurationError), (OSError("vault"), NotSent)],
)
async def test_token_function_that_returns_no_token_is_an_error(box, fetched, expected):
    async def fetch():
        if isinstance(fetched, Exception):
            raise fetched
        return fetched

    async with AsyncSMSWorks(fetch, base_url=box.base_url, retry=AT_ONCE) as sms:
        with pytest.raises(expected):
            await sms.messages.send(**TEXT)
    assert box.requests == []


async def test_token_goes_to_no_other_host(box):
    seen = []

    async def elsewhere(reader, writer):
        seen.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{port}/\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    first = await asyncio.start_server(redirect, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{first.sockets[0].getsockname()[1]}"
    async with server, first, AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        for call in (sms.messages.send(**TEXT), sms.credits.balance()):
            with pytest.raises(Exception, match="redirect"):
                await call
    assert seen == []


async def test_auth_token_takes_the_clients_own_credentials_or_those_given(box):
    async with logged_in(box) as sms:
        assert await sms.auth.token() == box.token
    async with AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        with pytest.raises(ConfigurationError, match="customer_id"):
            await sms.auth.token()
        with pytest.raises(NotAuthenticated):
            await sms.auth.token(customer_id="x", key="y", secret="z")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, BaseException])
async def test_token_function_that_raises_ends_the_call_and_not_the_loop(box, error):
    async def token():
        raise error("eyJsecret")

    async with AsyncSMSWorks(token, base_url=box.base_url, retry=AT_ONCE) as sms:
        calls = (sms.credits.balance(), sms.messages.send(**TEXT))
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [NotSent, NotSent]
    assert error.__name__ in str(results[0])


def test_token_function_that_raises_leaves_the_blocking_clients_loop_running(hosted):
    raised = [KeyboardInterrupt(), SystemExit()]

    async def token():
        if raised:
            raise raised.pop()
        return hosted.box.token

    once = RetryPolicy(attempts=1)
    with SMSWorks(token, base_url=hosted.box.base_url, retry=once) as sms:
        for _ in range(2):
            with pytest.raises(NotSent):
                sms.credits.balance()
        assert sms.credits.balance() > 0


async def test_token_function_that_hangs_is_called_again_after_a_minute(box, monkeypatch):
    called = 0

    async def token():
        nonlocal called
        called += 1
        if called == 1:
            await asyncio.Event().wait()
        return box.token

    async with AsyncSMSWorks(token, base_url=box.base_url, retry=AT_ONCE, timeout=None) as sms:
        patient = asyncio.create_task(sms.messages.send(**TEXT))
        await until(lambda: called)
        another = asyncio.create_task(sms.messages.send(**TEXT))
        await settle()
        assert called == 1
        monkeypatch.setattr(tokens, "LONGEST_FETCH", 0.0)
        assert await sms.credits.balance() > 0
        assert {(await patient).status, (await another).status} == {"SENT"}
    assert called == 2
