"""The background thread: what is said to its loop, and when the loop is woken for it."""

from __future__ import annotations

import threading

import pytest

from smsworks_async import ConfigurationError
from smsworks_async.background import Background


async def nothing():
    pass


def settle(background):
    done = threading.Event()
    background.submit(done.set)
    assert done.wait(60)


@pytest.fixture
def background():
    background = Background(nothing)
    yield background
    background.stop()


@pytest.fixture
def held(background):
    """Let the loop stand still until the event is set."""
    held, go_on = threading.Event(), threading.Event()

    def stand_still():
        held.set()
        go_on.wait(60)

    settle(background)
    background._loop.call_soon_threadsafe(stand_still)
    assert held.wait(60)
    yield go_on
    go_on.set()


def test_all_that_is_said_while_the_loop_is_busy_wakes_it_once(background, held, monkeypatch):
    woken = []
    wake = background._loop.call_soon_threadsafe

    def counted(function):
        woken.append(function)
        wake(function)

    monkeypatch.setattr(background._loop, "call_soon_threadsafe", counted)
    heard = []
    for number in range(100):
        background.submit(lambda number=number: heard.append(number))
    assert len(woken) == 1
    held.set()
    settle(background)
    assert heard == list(range(100))


def test_what_was_said_by_somebody_who_did_not_come_to_wake_the_loop_is_heard(background, held):
    heard = []
    # As Ctrl-C leaves it, between the two; what comes next relies on him:
    background._said.append(lambda: heard.append("interrupted"))
    background.submit(lambda: heard.append("next"))
    held.set()
    assert background.tell(lambda: heard.append("cancel"))  # which is how his call goes on
    settle(background)
    assert heard == ["interrupted", "next", "cancel"]


def test_what_raises_is_logged_and_keeps_nobody_from_being_heard(background, held, caplog):
    heard = []
    background.submit(lambda: 1 / 0)
    background.submit(lambda: heard.append("after"))
    held.set()
    settle(background)
    assert heard == ["after"]
    assert "ZeroDivisionError" in caplog.text


def test_what_was_handed_over_before_the_end_still_runs(background):
    settle(background)
    heard = []
    # As a caller leaves it who has handed something over, and has not come to wake the loop:
    background._said.append(lambda: heard.append("before"))
    background.stop()
    assert heard == ["before"]
    assert background.ended


def test_after_the_end_nothing_is_taken(background):
    background.submit(lambda: None)
    assert not background.ended
    background.stop()
    assert background.ended
    assert not background.tell(lambda: None)
    with pytest.raises(ConfigurationError, match="closed"):
        background.submit(lambda: None)


def test_one_that_was_never_used_starts_no_thread():
    before = threading.active_count()
    background = Background(nothing)
    assert not background.ended
    assert not background.tell(lambda: None)
    background.stop()
    assert threading.active_count() == before
