"""The loop thread: submission, start and stop, with and without interruptions."""

from __future__ import annotations

import asyncio
import threading

import pytest

from smsworks_async import ConfigurationError, NotSent
from smsworks_async.blocking.loop_thread import LoopThread
from support.waiting import PATIENCE


async def nothing():
    pass


def settle(loop_thread):
    done = threading.Event()
    loop_thread.submit(done.set)
    assert done.wait(PATIENCE)


@pytest.fixture
def loop_thread():
    loop_thread = LoopThread(nothing)
    yield loop_thread
    loop_thread.stop()


def raising_once(function, error):
    """Make the first call of a function raise."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise error
        return function(*args, **kwargs)

    return wrapped


def test_loop_thread_makes_calls_in_the_order_they_were_handed_over(loop_thread):
    heard = []
    for number in range(100):
        loop_thread.submit(lambda number=number: heard.append(number))
    settle(loop_thread)
    assert heard == list(range(100))


def test_loop_thread_logs_a_call_that_raises_and_makes_the_next(loop_thread, caplog):
    settle(loop_thread)
    heard = []
    # Queued together, as by callers that have not woken the loop yet:
    loop_thread._pending.extend([lambda: 1 / 0, lambda: heard.append("after")])
    settle(loop_thread)
    assert heard == ["after"]
    assert "ZeroDivisionError" in caplog.text


def test_loop_thread_makes_calls_that_were_handed_over_before_the_end(loop_thread):
    settle(loop_thread)
    heard = []
    # As after a caller that has submitted a function, and has not woken the loop yet:
    loop_thread._pending.append(lambda: heard.append("before"))
    loop_thread.stop()
    assert heard == ["before"]
    assert loop_thread.ended


def test_loop_thread_takes_nothing_after_the_end(loop_thread):
    settle(loop_thread)
    assert not loop_thread.ended
    loop_thread.stop()
    assert loop_thread.ended
    loop_thread.call_soon(lambda: None)
    with pytest.raises(ConfigurationError, match="closed"):
        loop_thread.submit(lambda: None)


def test_loop_thread_that_was_never_used_starts_no_thread():
    before = threading.active_count()
    loop_thread = LoopThread(nothing)
    loop_thread.call_soon(lambda: None)
    assert not loop_thread.started
    loop_thread.stop()
    assert threading.active_count() == before
    with pytest.raises(ConfigurationError, match="closed"):
        loop_thread.submit(lambda: None)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("where", "error", "seen"),
    [
        ((asyncio, "new_event_loop"), OSError("Too many open files"), NotSent),
        ((asyncio, "new_event_loop"), KeyboardInterrupt(), KeyboardInterrupt),
        ((threading.Thread, "start"), RuntimeError("can't start new thread"), NotSent),
        ((threading.Thread, "start"), KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning")
def test_loop_thread_starts_anew_after_a_start_that_failed(
    loop_thread, monkeypatch, where, error, seen
):
    monkeypatch.setattr(*where, raising_once(getattr(*where), error))
    with pytest.raises(seen):
        loop_thread.submit(lambda: None)
    loop_thread.call_soon(lambda: None)  # an interrupted call requests its cancellation
    assert not loop_thread.started
    settle(loop_thread)


def test_loop_thread_ends_a_thread_whose_start_was_interrupted(loop_thread, monkeypatch):
    before = set(threading.enumerate())
    start = threading.Thread.start

    def start_and_be_interrupted(thread):
        start(thread)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start_and_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop_thread.submit(lambda: None)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    settle(loop_thread)
    loop_thread.stop()
    assert set(threading.enumerate()) == before


def test_loop_thread_may_be_closed_by_a_signal_handler_while_its_thread_hands_a_call_over(
    loop_thread,
):
    settle(loop_thread)
    with loop_thread._lock:
        loop_thread.stop()
    assert loop_thread.ended


def test_loop_thread_can_be_closed_again_after_an_interrupted_close(loop_thread, monkeypatch):
    settle(loop_thread)
    loop = loop_thread._running.loop
    once = raising_once(loop.call_soon_threadsafe, KeyboardInterrupt())
    monkeypatch.setattr(loop, "call_soon_threadsafe", once)
    with pytest.raises(KeyboardInterrupt):
        loop_thread.stop()
    loop_thread.stop()
    assert loop_thread.ended
