"""A blocking call near the recursion limit, and forks at bad moments: an error, never a hang."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from smsworks_async import ConfigurationError, SMSWorksError
from smsworks_async.blocking.loop_thread import LoopThread
from smsworks_async.blocking.portal import Portal
from support.waiting import PATIENCE


async def nothing():
    pass


def deeper(frames, function):
    """Call a function a number of frames deeper."""
    return function() if frames == 0 else deeper(frames - 1, function)


def limit():
    """Return the number of frames left on the stack."""

    def sink(frames):
        try:
            return sink(frames + 1)
        except RecursionError:
            return frames

    return sink(0)


@pytest.mark.parametrize("begun", [False, True])
def test_portal_call_near_the_recursion_limit_ends_wherever_the_stack_does(begun):
    ends = []
    for left in range(1, 140, 1 if begun else 9):
        portal = Portal(nothing)
        if begun:
            portal.run(lambda _: nothing())

        def call(portal=portal):
            return portal.run(lambda _: asyncio.sleep(0, "fine"))

        end = []

        def run(call=call, left=left, end=end):
            try:
                end.append(deeper(limit() - left, call))
            except RecursionError as error:
                end.append(type(error).__name__)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert end, f"the call hangs with {left} frames left"
        ends += end
        # The failure left a consistent state: the next call works.
        assert portal.run(lambda _: asyncio.sleep(0, "again")) == "again"
        portal.close()
    assert set(ends) == {"fine", "RecursionError"}
    assert ends[0] == "RecursionError"


def test_portal_close_near_the_recursion_limit_raises_and_can_be_done_again():
    portal = Portal(nothing)
    portal.run(lambda _: nothing())
    with pytest.raises(RecursionError):
        deeper(limit() - 4, portal.close)
    assert not portal._loop_thread.ended
    portal.close()
    assert portal._loop_thread.ended


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def run(script):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


FORK = """
    import asyncio, os, threading, time
    from smsworks_async import ConfigurationError, SMSWorksError
    from smsworks_async.blocking import loop_thread
    from smsworks_async.blocking.portal import Portal, call_in_caller

    async def nothing():
        pass

    portal = Portal(nothing)

    def child(function):
        pid = os.fork()
        if pid == 0:
            threading.Timer(30, os._exit, [9]).start()
            try:
                print(function(), flush=True)
            except SMSWorksError as error:
                print(type(error).__name__, flush=True)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def call():
        return portal.run(lambda _: asyncio.sleep(0, "fine"))
"""


@needs_fork
def test_client_does_not_hang_after_a_fork_while_a_thread_holds_the_first_calls_lock():
    script = """
    holds, over = threading.Event(), threading.Event()

    def hold():  # as a thread between its taking the lock and its noting the process
        with portal._loop_thread._lock:
            holds.set()
            over.wait()

    threading.Thread(target=hold).start()
    holds.wait()
    print(child(call))
    over.set()
    print(call())
    """
    assert run(textwrap.dedent(FORK) + textwrap.dedent(script)) == ["fine", "0", "fine"]


@needs_fork
def test_client_raises_in_the_child_of_a_fork_during_another_threads_first_call():
    script = """
    inside, over = threading.Event(), threading.Event()
    make = asyncio.new_event_loop

    def slowly():
        inside.set()
        over.wait()
        return make()

    asyncio.new_event_loop = slowly
    thread = threading.Thread(target=call)
    thread.start()
    inside.wait()
    asyncio.new_event_loop = make
    print(child(call))
    over.set()
    thread.join()
    print(call())
    """
    assert run(textwrap.dedent(FORK) + textwrap.dedent(script)) == [
        "ConfigurationError",
        "0",
        "fine",
    ]


@needs_fork
def test_client_raises_in_the_child_of_a_callback_that_forks():
    script = """
    here = os.getpid()
    codes = []

    async def work(call):
        await call.in_caller(lambda: codes.append(os.fork()))
        return "fine"

    try:
        told = portal.run(work)
    except SMSWorksError as error:
        told = type(error).__name__
    if os.getpid() != here:
        os._exit(7 if told == "OutcomeUnknown" else 1)
    print(told, os.waitstatus_to_exitcode(os.waitpid(codes[0], 0)[1]), flush=True)
    os._exit(0)
    """
    assert run(textwrap.dedent(FORK) + textwrap.dedent(script)) == ["fine", "7"]


def test_loop_thread_renews_a_lock_that_was_held_at_a_fork():
    loop_thread = LoopThread(nothing)
    loop_thread._lock.acquire()
    before = loop_thread._lock
    loop_thread.renew_lock()
    assert loop_thread._lock is not before
    loop_thread.stop()
    with pytest.raises(ConfigurationError, match="closed"):
        loop_thread.submit(lambda: None)


def test_loop_thread_raises_our_own_error_after_a_fork(monkeypatch):
    loop_thread = LoopThread(nothing)
    done = threading.Event()
    loop_thread.submit(done.set)
    assert done.wait(PATIENCE)
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert loop_thread.ended
    loop_thread.call_soon(lambda: None)
    with pytest.raises(SMSWorksError, match="forked"):
        loop_thread.submit(lambda: None)
    monkeypatch.undo()
    loop_thread.stop()


def test_portal_that_is_collected_near_the_recursion_limit_ends_its_thread():
    """The garbage collector may run anywhere, and calls a finalizer once."""
    for left in range(12, 140, 9):
        portal = Portal(nothing)
        portal.run(lambda _: nothing())
        thread = portal._loop_thread._running.thread
        before = sys.getrecursionlimit()

        def collect(portal=portal, left=left):
            deeper(limit() - left, portal._finalizer)

        collector = threading.Thread(target=collect)
        collector.start()
        collector.join()
        thread.join(PATIENCE)
        assert not thread.is_alive(), left
        assert sys.getrecursionlimit() == before
