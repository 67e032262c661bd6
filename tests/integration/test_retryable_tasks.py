"""The Celery task of docs/errors.md, which retries only temporary errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smsworks_async import FloodingRefused, OutcomeUnknown, RateLimited, ValidationError
from smsworks_async.sandbox import Fault
from support.messages import NUMBER


pytest.importorskip("celery")

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
ARGUMENTS = {"destination": "07700 900123", "content": "Ready", "order": "order-1"}


@pytest.fixture
def task(hosted, monkeypatch):
    monkeypatch.setenv("SMSWORKS_TOKEN", hosted.box.token)
    monkeypatch.setenv("SMSWORKS_BASE_URL", hosted.box.base_url)
    names = {"__name__": "shop"}
    exec(re.search(r"```python\n(from celery.*?)```", PAGE.read_text(), re.DOTALL)[1], names)
    return names["text_customer"]


def faulty(hosted, **fault):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", **fault)))


def attempts(hosted):
    return hosted.do(lambda box: [r.path for r in box.requests].count("/message/send"))


def test_task_returns_the_message_id(hosted, task):
    assert task.apply(kwargs=ARGUMENTS).get().isdigit()
    assert hosted.do(lambda box: box.accepted(NUMBER)) == 1


def test_task_retries_a_temporary_refusal_until_it_has_passed(hosted, task):
    # Four of them are more than the client itself tries.
    faulty(hosted, status=429, times=5, retry_after=0)
    assert task.apply(kwargs=ARGUMENTS).get().isdigit()
    assert attempts(hosted) == 6
    assert hosted.do(lambda box: box.accepted(NUMBER)) == 1


@pytest.mark.parametrize(
    ("arguments", "fault", "error"),
    [
        ({"destination": "no number"}, None, ValidationError),
        ({}, {"error_code": 5020}, FloodingRefused),
        ({}, {"status": 429, "permanent": True, "error_code": 5015}, Exception),
        ({}, {"when": "after"}, OutcomeUnknown),
    ],
)
def test_task_fails_at_once_where_it_would_fail_again(
    hosted, task, monkeypatch, *, arguments, fault, error
):
    retried = []
    monkeypatch.setattr(task, "retry", lambda **how: retried.append(how) or how["exc"])
    if fault:
        faulty(hosted, times=0, **fault)
    done = task.apply(kwargs={**ARGUMENTS, **arguments})
    assert isinstance(done.result, error)
    assert retried == []
    assert attempts(hosted) == (1 if fault else 0)
    assert not getattr(done.result, "retryable", False)


def test_task_retries_only_so_often(hosted, task):
    task.max_retries = 2
    faulty(hosted, status=429, times=0, retry_after=0)
    assert isinstance(task.apply(kwargs=ARGUMENTS).result, RateLimited)
    assert attempts(hosted) == 3 * 4
