"""The handler of SIGTERM: several calls at once, and the handlers before and after them."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from smsworks_async._stops import stopping_on_sigterm
from support.processes import environment
from support.waiting import PATIENCE


@pytest.fixture
def heard():
    """The signals that reach the application's own handler."""
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


class Call:
    """A call in a separate context, like each task of a loop."""

    def __init__(self, context=None):
        self._context = context or contextvars.copy_context()
        self._block = stopping_on_sigterm()
        self.request = self._context.run(self._block.__enter__)

    def end(self):
        self._context.run(self._block.__exit__, None, None, None)

    def nested(self):
        """Begin a call in a task that a callback of this one started."""
        return Call(self._context.copy())


def test_stopping_on_sigterm_stops_all_calls_that_run(heard):
    before = signal.getsignal(signal.SIGTERM)
    first, second = Call(), Call()
    first.end()
    third = Call()
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    assert [call.request.is_made for call in (first, second, third)] == [False, True, True]
    second.end()
    third.end()
    assert signal.getsignal(signal.SIGTERM) is before


def test_stopping_on_sigterm_adds_no_handler_for_each_call_that_overlaps_another(heard):
    calls = [Call()]
    for _ in range(2 * sys.getrecursionlimit()):
        calls.append(Call())
        calls.pop(0).end()
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    assert calls[0].request.is_made
    calls[0].end()


def test_stopping_on_sigterm_leaves_a_handler_that_was_set_meanwhile(heard):
    call = Call()
    others = []

    @contextmanager
    def another_handler():
        ours = signal.getsignal(signal.SIGTERM)
        assert callable(ours)

        def handle(number, frame):
            others.append(number)
            ours(number, frame)

        signal.signal(signal.SIGTERM, handle)
        yield
        signal.signal(signal.SIGTERM, ours)

    with another_handler():
        later = Call()
        signal.raise_signal(signal.SIGTERM)
        assert (len(heard), len(others)) == (1, 1)
        assert call.request.is_made
        assert later.request.is_made
        later.end()
    call.end()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends no process there")
def test_stopping_on_sigterm_lets_the_signal_end_the_process_afterwards():
    """Also where another library sets our handler again after the call that it was set for."""
    program = """
import signal
from smsworks_async._stops import stopping_on_sigterm
with stopping_on_sigterm():
    ours = signal.getsignal(signal.SIGTERM)
signal.signal(signal.SIGTERM, ours)
signal.raise_signal(signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", program], env=environment(), timeout=PATIENCE)
    assert done.returncode == -signal.SIGTERM


FORKED = """
import os, signal, sys, time
from smsworks_async._stops import stopping_on_sigterm

signal.alarm(20)
if "own" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
with stopping_on_sigterm() as outer:
    child = os.fork()
    if not child and "call" in sys.argv:
        with stopping_on_sigterm() as request:
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                os._exit(request.is_made and not outer.is_made)
    if not child and "rest" not in sys.argv:
        signal.raise_signal(signal.SIGTERM)
        os._exit(0)
if not child:
    signal.raise_signal(signal.SIGTERM)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), outer.is_made)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], -signal.SIGTERM),
        (["rest"], -signal.SIGTERM),
        (["own"], 7),
        (["own", "rest"], 7),
        (["call"], 1),
    ],
)
def test_stopping_on_sigterm_stops_no_call_of_the_process_that_was_forked(words, code):
    """A process that a call was running in when it was forked has no call, and ends."""
    command = [sys.executable, "-c", FORKED, *words]
    done = subprocess.run(command, env=environment(), timeout=PATIENCE, stdout=subprocess.PIPE)
    assert done.stdout.decode().split() == [str(int(code)), "False"]


def test_stopping_on_sigterm_stops_a_call_in_the_callback_of_another_and_that_one(heard):
    outer = Call()
    stopped = []
    with outer.request.listening(lambda: stopped.append("outer")):
        inner = outer.nested()
        with inner.request.listening(lambda: stopped.append("inner")):
            signal.raise_signal(signal.SIGTERM)
        assert sorted(stopped) == ["inner", "outer"]
        inner.end()
        signal.raise_signal(signal.SIGTERM)
        assert stopped.count("outer") == 2
    outer.end()
    assert heard == [signal.SIGTERM] * 2


def test_stopping_on_sigterm_stops_a_call_that_outlives_the_one_in_whose_callback_it_began(heard):
    outer = Call()
    inner = outer.nested()
    outer.end()
    signal.raise_signal(signal.SIGTERM)
    assert inner.request.is_made
    inner.end()


def test_stopping_on_sigterm_keeps_no_stop_for_later_calls_of_a_task_begun_in_a_callback(heard):
    outer = Call()
    inner = outer.nested()
    signal.raise_signal(signal.SIGTERM)
    inner.end()
    outer.end()
    later = inner.nested()
    assert not later.request.is_made
    signal.raise_signal(signal.SIGTERM)
    assert later.request.is_made
    later.end()
