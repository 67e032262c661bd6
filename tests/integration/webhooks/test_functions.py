"""Functions that webhooks refuse, and the allowed results."""

from __future__ import annotations

import functools

import pytest

from smsworks_async.errors import ConfigurationError
from smsworks_async.webhooks import Webhooks
from support.webhook_servers import Slow, serving


def yields(report):
    yield report


async def yields_later(report):
    yield report


class Object:
    def __call__(self, report):
        yield report

    def method(self, report):
        yield report

    async def later(self, report):
        yield report


@pytest.mark.parametrize(
    "function",
    [
        yields,
        yields_later,
        Object(),
        Object().method,
        Object().later,
        functools.partial(yields),
        functools.partial(functools.partial(Object().method)),
        functools.partial(Object()),
    ],
)
@pytest.mark.parametrize("name", ["on_report", "on_incoming"])
def test_webhooks_refuse_a_function_with_yield_in_it_when_it_is_given(function, name):
    with pytest.raises(ConfigurationError, match=f"{name} contains a yield"):
        Webhooks(**{name: function}, insecure=True)


@pytest.mark.parametrize("function", [lambda: None, lambda one, two: None, Slow.__call__, "print"])
def test_webhooks_refuse_a_function_that_cannot_be_called_with_a_report(function):
    with pytest.raises(ConfigurationError, match="on_report must"):
        Webhooks(on_report=function, insecure=True)


async def later(report):
    raise AssertionError("nobody has awaited this")


async def forgets_to_await(report):
    return later(report)


@pytest.mark.parametrize(
    "function",
    [
        lambda report: yields(report),  # noqa: PLW0108 - in which no yield is to be seen
        lambda report: yields_later(report),  # noqa: PLW0108
        lambda report: later,
        lambda report: map(print, [report]),
        lambda report: functools.partial(print, report),
        forgets_to_await,
    ],
)
async def test_webhooks_answer_500_to_a_result_that_was_not_awaited_and_do_not_remember_it(
    server, function, caplog
):
    async with serving(server, on_report=function) as provider:
        assert [await provider.report() for _ in range(2)] == [500, 500]
    assert "which is never run" in caplog.text


async def test_webhooks_ignore_the_results_of_functions_that_have_run(server):
    results = iter(["text", 1, [1], object(), {}.items(), iter(()), Exception("kept")])
    async with serving(server, on_report=lambda report: next(results)) as provider:
        for number in range(7):
            assert await provider.report(str(number)) == 200
