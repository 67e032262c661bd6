"""Calling functions of the application, plain or async."""

from __future__ import annotations

import contextvars
import threading

import pytest

from smsworks_async._callables import call


COLOUR = contextvars.ContextVar("colour", default="none")


async def test_call_runs_a_plain_function_in_a_thread_with_the_callers_context():
    COLOUR.set("red")
    assert await call(lambda word: (word, COLOUR.get()), "a") == ("a", "red")
    assert await call(threading.get_ident) != threading.get_ident()


async def test_call_runs_an_async_function_on_the_loop():
    async def where():
        return threading.get_ident()

    assert await call(where) == threading.get_ident()
    assert await call(lambda: where()) == threading.get_ident()  # noqa: PLW0108 - a plain one


async def test_call_of_a_function_that_raises_stop_iteration_does_not_hang():
    with pytest.raises(RuntimeError, match="StopIteration"):
        await call(next, iter(()))
