"""The view and the cron job of docs/idempotency.md, as they are written: each texts once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from uuid import uuid4

import pytest

from smsworks_async import ValidationError
from support.greenlets import environment
from support.recipes import RECIPES, counts, faulty, posts
from support.waiting import PATIENCE


ORDER = "5f0c4a0e-6d3b-4a35-9d4e-0b1a6f0c7d21"


def run(hosted, folder, script):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=folder,
        env=environment(hosted),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


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
    """Run lines of a browser's script, in a new process each time, and return its output."""
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

#: A process that is killed before it records its n-th text.
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
