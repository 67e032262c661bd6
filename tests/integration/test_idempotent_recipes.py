"""The task and the endpoint of docs/idempotency.md, as they are written: each texts once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import aiohttp
import pytest

from smsworks_async import InsufficientCredit, OutcomeUnknown, ValidationError
from support.recipes import RECIPES, counts, faulty, load, posts
from support.waiting import until
from support.webhook_servers import serve_asgi


ORDER = "5f0c4a0e-6d3b-4a35-9d4e-0b1a6f0c7d21"


@pytest.fixture
def settings(hosted, tmp_path, monkeypatch):
    monkeypatch.setenv("SMSWORKS_TOKEN", hosted.box.token)
    monkeypatch.setenv("SMSWORKS_BASE_URL", hosted.box.base_url)
    monkeypatch.chdir(tmp_path)


def test_recipes_are_all_on_the_page():
    assert sorted(RECIPES) == ["celery", "cron", "django", "fastapi"]


# Celery

ARGUMENTS = {"order": ORDER, "destination": "07700 900123"}


@pytest.fixture
def confirm_order(settings):
    pytest.importorskip("celery")
    shop = load("celery")
    yield shop["confirm_order"]
    shop["sms"].close()


def test_celery_task_applied_twice_with_a_lost_answer_in_between_texts_once(hosted, confirm_order):
    faulty(hosted, when="after")
    first = confirm_order.apply(kwargs=ARGUMENTS)
    again = confirm_order.apply(kwargs=ARGUMENTS)
    assert first.get() == again.get() == hosted.box.messages[0].message_id
    assert posts(hosted) == 1


def test_celery_task_of_another_order_texts_again(hosted, confirm_order):
    ids = {
        confirm_order.apply(kwargs={**ARGUMENTS, "order": order}).get()
        for order in (ORDER, str(uuid4()))
    }
    assert len(ids) == posts(hosted) == 2


def test_celery_task_retries_what_may_pass_and_never_what_may_have_been_accepted(
    hosted, confirm_order
):
    confirm_order.max_retries = 2
    faulty(hosted, when="before")  # it cannot be known that it was not accepted
    done = confirm_order.apply(kwargs=ARGUMENTS)
    assert isinstance(done.result, OutcomeUnknown)
    assert posts(hosted) == 1
    faulty(hosted, status=429, times=5, retry_after=0)
    other = {**ARGUMENTS, "order": str(uuid4())}
    assert confirm_order.apply(kwargs=other).get()
    assert counts(hosted) == {"447700900123": 1}


@pytest.mark.parametrize(
    ("arguments", "fault", "error"),
    [
        ({"destination": "no number"}, None, ValidationError),
        ({}, {"error_code": 4021, "status": 402, "permanent": True}, InsufficientCredit),
    ],
)
def test_celery_task_fails_at_once_where_it_would_fail_again(
    hosted, confirm_order, monkeypatch, *, arguments, fault, error
):
    retried = []
    monkeypatch.setattr(confirm_order, "retry", lambda **how: retried.append(how) or how["exc"])
    if fault:
        faulty(hosted, **fault)
    assert isinstance(confirm_order.apply(kwargs={**ARGUMENTS, **arguments}).result, error)
    assert retried == []


# FastAPI


@pytest.fixture
async def shops(settings):
    """Post to servers of the recipe, as many as are asked for, which share a journal."""
    pytest.importorskip("fastapi")
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(timeout=None):
            app = load("fastapi", timeout)["app"]
            port = await stack.enter_async_context(serve_asgi(app))

            async def post(*, key="a1", order=1234, to="07700900123"):
                url = f"http://127.0.0.1:{port}/orders/{order}/confirmation"
                headers = {} if key is None else {"Idempotency-Key": key}
                async with session.post(url, params={"to": to}, headers=headers) as response:
                    return response.status, await response.json()

            return post

        yield start


async def test_fastapi_endpoint_called_twice_texts_once_and_answers_the_same(hosted, shops):
    post = await shops()
    first = await post()
    assert first == (200, {"id": hosted.box.messages[0].message_id})
    assert await post() == first
    assert posts(hosted) == 1
    assert (await post(key="a2"))[0] == (await post(order=1235))[0] == 200
    assert posts(hosted) == 3


async def test_fastapi_endpoint_called_by_many_at_once_in_two_servers_texts_once(hosted, shops):
    servers = [await shops(), await shops()]
    faulty(hosted, when="hold", delay=0.1)
    answers = await asyncio.gather(*(post() for post in servers for _ in range(10)))
    assert answers == [(200, {"id": hosted.box.messages[0].message_id})] * 20
    assert posts(hosted) == 1


async def test_fastapi_endpoint_says_that_a_request_is_being_worked_on(hosted, shops):
    patient, hasty = await shops(), await shops(timeout=0.2)
    faulty(hosted, when="hold")
    first = asyncio.create_task(patient())
    await until(hosted.box.accepted)
    assert (await hasty())[0] == 409
    hosted.do(lambda box: box.release())
    assert (await first)[0] == 200
    assert await hasty() == await first
    assert posts(hosted) == 1


async def test_fastapi_endpoint_called_again_finds_what_was_lost(hosted, shops):
    post = await shops()
    faulty(hosted, when="after")
    assert (await post())[0] == 503
    assert await post() == (200, {"id": hosted.box.messages[0].message_id})
    assert posts(hosted) == 1


@pytest.mark.parametrize(
    "bad", [{"to": "07700900124"}, {"to": "5"}, {"key": None}, {"key": ""}, {"key": "x" * 61}]
)
async def test_fastapi_endpoint_refuses_another_request_or_a_bad_one(hosted, shops, bad):
    post = await shops()
    await post()
    status, answer = await post(**bad)
    assert status == 422
    assert "07700900124" not in str(answer)
    assert posts(hosted) == 1


async def test_fastapi_endpoint_says_that_a_refusal_will_not_pass(hosted, shops):
    post = await shops()
    faulty(hosted, error_code=4021, status=402, permanent=True)
    assert (await post())[0] == 502
    assert (await post())[0] == 200
