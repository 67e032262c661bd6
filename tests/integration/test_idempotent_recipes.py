"""The recipes of docs/idempotency.md, as they are written: each texts once, whatever happens."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import AsyncExitStack, closing
from uuid import uuid4

import aiohttp
import pytest

from smsworks_async import InsufficientCredit, OutcomeUnknown, ValidationError
from smsworks_async.sandbox import Fault
from support.greenlets import environment
from support.recipes import RECIPES, load
from support.waiting import PATIENCE, until
from support.webhook_servers import serve_asgi


ORDER = "5f0c4a0e-6d3b-4a35-9d4e-0b1a6f0c7d21"


@pytest.fixture
def settings(hosted, tmp_path, monkeypatch):
    monkeypatch.setenv("SMSWORKS_TOKEN", hosted.box.token)
    monkeypatch.setenv("SMSWORKS_BASE_URL", hosted.box.base_url)
    monkeypatch.chdir(tmp_path)


def faulty(hosted, **fault):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", **fault)))


def counts(hosted):
    return hosted.do(lambda box: box.accepted_by_destination())


def posts(hosted):
    return hosted.do(lambda box: [r.path for r in box.requests].count("/message/send"))


def run(hosted, folder, script):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=folder,
        env=environment(hosted),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


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
    faulty(hosted, when="before")  # nobody can tell that it was not accepted
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


# Django

BROWSER = f"""
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.test import Client
import shop

if not connection.introspection.table_names():
    with connection.schema_editor() as editor:
        editor.create_model(shop.Order)
browser = Client(raise_request_exception=False, headers={{"host": "127.0.0.1"}})

def post():
    form = {{"order": "{ORDER}", "phone": "07700 900123"}}
    return browser.post("/orders", form).status_code

def fail(**_):
    raise LookupError
"""


@pytest.fixture
def browse(hosted, tmp_path):
    """Run lines of a browser's script, in a new process each time, and return what it prints."""
    pytest.importorskip("django")
    (tmp_path / "shop.py").write_text(RECIPES["django"])

    def browse(lines):
        done = run(hosted, tmp_path, BROWSER + textwrap.dedent(lines))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return browse


def test_django_view_texts_nobody_when_rolled_back_and_once_when_repeated(hosted, browse):
    rolled_back = """
        post_save.connect(fail, shop.Order)
        print(post(), shop.Order.objects.count())
    """
    assert browse(rolled_back) == ["500", "0"]
    assert posts(hosted) == 0
    repeated = "print(post(), post(), shop.Order.objects.count())"
    assert browse(repeated) == ["200", "200", "1"]
    assert browse(repeated) == ["200", "200", "1"]
    assert posts(hosted) == 1
    assert counts(hosted) == {"447700900123": 1}


def test_django_view_that_lost_the_answer_finds_it_when_repeated(hosted, browse):
    faulty(hosted, when="after")
    assert browse("print(post(), shop.Order.objects.count(), post())") == ["500", "1", "200"]
    assert posts(hosted) == 1


def test_django_text_sent_in_a_transaction_is_not_sent_again_after_a_rollback(hosted, browse):
    lines = f"""
        try:
            with transaction.atomic():
                order = shop.Order.objects.create(id="{ORDER}", phone="07700 900123")
                shop.confirm(order)
                fail()
        except LookupError:
            print(shop.Order.objects.count(), post())
    """
    assert browse(lines) == ["0", "200"]
    assert posts(hosted) == 1


def test_a_row_id_is_given_to_another_order_after_a_rollback(hosted, tmp_path):
    """Why a key is a UUID."""
    text = {"sender": "AcmeCorp", "content": "Your order is confirmed."}
    journal = tmp_path / "sms.db"
    with closing(sqlite3.connect(":memory:")) as shop, hosted.client(journal=journal) as sms:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, phone)")

        def confirm(phone):
            row = shop.execute("INSERT INTO orders (phone) VALUES (?)", (phone,)).lastrowid
            return sms.messages.send(**text, destination=phone, idempotency_key=f"order-{row}")

        confirm("07700 900123")
        shop.rollback()
        with pytest.raises(ValidationError, match="differs in destination"):
            confirm("07700 900124")
        shop.rollback()
        assert confirm("07700 900123").replayed
    assert counts(hosted) == {"447700900123": 1}


# A cron job

#: A process that is killed before its n-th note that somebody was texted.
KILLED = """
import functools, os, sqlite3
class Connection(sqlite3.Connection):
    notes = 0
    def execute(self, statement, *values):
        if statement.startswith("UPDATE orders"):
            self.notes += 1
            if self.notes == {nth}:
                os.kill(os.getpid(), 9)
        return super().execute(statement, *values)
sqlite3.connect = functools.partial(sqlite3.connect, factory=Connection)
"""
PHONES = [f"44770090000{n}" for n in range(4)]


@pytest.fixture
def noted(tmp_path):
    """A shop with orders; return which messages the job has noted, by phone."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE orders (id PRIMARY KEY, phone, message_id)")
        orders = [(str(uuid4()), phone, None) for phone in PHONES]
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders)

    def noted():
        with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
            texted = "SELECT phone, message_id FROM orders WHERE message_id IS NOT NULL"
            return dict(shop.execute(texted))

    return noted


def sent_to(hosted):
    return {message.destination: message.message_id for message in hosted.box.messages}


@pytest.mark.parametrize("nth", [1, 4])
def test_cron_job_killed_after_sending_and_before_noting_texts_nobody_twice(
    hosted, tmp_path, noted, nth
):
    killed = run(hosted, tmp_path, KILLED.format(nth=nth) + RECIPES["cron"])
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert posts(hosted) == nth
    assert len(noted()) == nth - 1
    for _ in range(2):
        done = run(hosted, tmp_path, RECIPES["cron"])
        assert done.returncode == 0, done.stderr
        assert noted() == sent_to(hosted)
    assert counts(hosted) == dict.fromkeys(PHONES, 1)
    assert posts(hosted) == len(PHONES)


def test_cron_job_goes_on_after_a_lost_answer_and_notes_it_the_next_time(hosted, tmp_path, noted):
    faulty(hosted, when="after", nth=2)
    done = run(hosted, tmp_path, RECIPES["cron"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert noted().keys() == set(PHONES) - {PHONES[1]}
    assert run(hosted, tmp_path, RECIPES["cron"]).stdout == ""
    assert noted() == sent_to(hosted)
    assert posts(hosted) == len(PHONES)
