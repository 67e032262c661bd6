"""Errors that once leaked a secret, or were foreign exceptions, found by hostile review."""

from __future__ import annotations

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    NotAuthenticated,
    NotSent,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.raw_servers import serving
from support.sandboxes import AT_ONCE


# Leaking


async def test_a_token_of_any_look_is_left_out_of_errors(box):
    body = '{"message": "bad token sekrit-token-abc"}'
    box.add_fault(Fault(path="*", status=401, body=body))
    async with AsyncSMSWorks("sekrit-token-abc", base_url=box.base_url) as sms:
        with pytest.raises(NotAuthenticated) as caught:
            await sms.messages.send(**TEXT)
    assert "sekrit" not in str(caught.value)


async def test_a_proxys_password_stays_out_of_errors_and_their_causes():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(refuse) as address:
        proxy = address.replace("http://", "http://user:sekrit@").removesuffix("/v1")
        async with AsyncSMSWorks(
            "eyJ", base_url="https://sms.example/v1", proxy=proxy, retry=AT_ONCE
        ) as sms:
            with pytest.raises(NotSent) as caught:
                await sms.messages.send(**TEXT)
    assert "407" in str(caught.value)
    assert "sekrit" not in str(caught.value) + str(caught.value.__cause__)
    with pytest.raises(ConfigurationError, match="proxy") as refused:
        AsyncSMSWorks("eyJ", proxy="user:sekrit@[nowhere")
    assert "sekrit" not in str(refused.value)


async def test_a_number_in_a_fields_place_is_not_repeated(sms):
    with pytest.raises(ValidationError) as caught:
        await sms.batches.send_each(
            messages=[{"07700900123": "Hello", **TEXT_TO_MANY, "destination": "x"}]
        )
    assert "900123" not in str(caught.value)


# Foreign exceptions


@pytest.mark.parametrize(
    "setting",
    [
        {"session": "x"},
        {"trace_configs": [1]},
        {"trace_configs": 5},
        {"max_rate": float("inf")},
        {"max_rate": 1e-320},
        {"proxy": "nonsense"},
        {"proxy": 5},
        {"base_url": "https://" + "ä" * 80},
    ],
)
def test_a_setting_that_would_fail_at_the_first_call_fails_at_once(setting):
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        AsyncSMSWorks("eyJ", **setting)


async def test_a_read_that_cannot_be_made_says_so_at_once(box):
    session = aiohttp.ClientSession()
    sms = AsyncSMSWorks(box.token, base_url=box.base_url, session=session)
    await session.close()
    with pytest.raises(ConfigurationError):
        await sms.credits.balance()


async def test_numbers_and_moments_beyond_reason_are_refused(sms):
    from datetime import datetime, timedelta, timezone

    west, east = timezone(timedelta(hours=-5)), timezone(timedelta(hours=1))
    calls = [
        lambda: sms.messages.get(10**5000),
        lambda: sms.utils.error(10**5000),
        lambda: sms.messages.send(**TEXT, ttl=10**5000),
        lambda: sms.messages.search(credits=float("nan")),
        lambda: sms.messages.search(from_=datetime.min.replace(tzinfo=east)),
        lambda: sms.messages.search(to=datetime.max.replace(tzinfo=west)),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_rate=float("inf")),
    ]
    for call in calls:
        with pytest.raises(ValidationError):
            await call()


async def test_a_retry_after_beyond_the_calendar_is_none(box):
    box.add_fault(
        Fault(path="*", status=429, retry_after="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    )
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        assert (await sms.messages.send(**TEXT)).status == "SENT"


async def test_a_token_function_that_is_not_async_says_so(box):
    async with AsyncSMSWorks(lambda: "eyJ", base_url=box.base_url) as sms:
        with pytest.raises(ConfigurationError, match="async"):
            await sms.messages.send(**TEXT)
