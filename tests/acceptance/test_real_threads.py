"""Real threads and locks in a patched process; an unpatched one is unaffected."""

from __future__ import annotations

import os
import queue
import selectors
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from smsworks_async import _patching, _threads
from smsworks_async.blocking.loop_thread import LoopThread
from support.greenlets import LIBRARIES, PATCHES
from support.waiting import PATIENCE


def test_an_unpatched_process_uses_the_standard_parts():
    assert _patching.patched_by() is None
    threads = _threads.threads()
    assert type(threads.new_inbox()) is queue.SimpleQueue
    assert type(_patching.new_queue()) is queue.SimpleQueue
    assert type(_patching.new_lock()) is type(threading.Lock())
    assert type(_patching.new_rlock()) is type(threading.RLock())
    thread = threads.new_thread(lambda: None, "smsworks")
    assert type(thread) is threading.Thread
    assert thread.daemon
    assert _patching.original("select", "no such function") is None


def test_neither_library_is_imported_for_it():
    script = """
        import sys
        from smsworks_async import SMSWorks, bulk, webhooks
        from smsworks_async.blocking.portal import Portal
        async def nothing():
            pass
        portal = Portal(nothing)
        portal.run(lambda _: nothing())
        print({"gevent", "eventlet", "smsworks_async._greenlets"} & set(sys.modules))
    """
    assert run(script) == ["set()"]


REAL = """
    import asyncio, os, socket
    from smsworks_async import _patching, _threads
    from smsworks_async.blocking.portal import Portal

    async def nothing():
        pass

    portal = Portal(nothing)
    thread = _patching.original("_thread", "get_ident")
    resolved = []

    async def look(_):
        loop = asyncio.get_running_loop()
        made = loop.socket_factory((socket.AF_INET, socket.SOCK_STREAM, 0))
        made.close()
        there = await loop.run_in_executor(None, thread)
        print(*(
            f"{type(s).__module__}.{type(s).__name__}" for s in (made, loop._ssock, loop._csock)
        ), sep=", ")
        print(len({thread(), there}), "threads")
        print(*(await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))[0][4])
        print("the caller's" if thread() == caller else "another", "thread")
        print(type(loop._selector).__name__, type(loop.new_poll()).__module__)

    caller = thread()
    portal.run(look)
    try:
        portal.run(fail)
    except OSError as error:
        print(error)
"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_loop_of_a_patched_process_uses_nothing_that_is_patched(library):
    fail = """
        async def fail(_):
            def raising():
                raise OSError("from a thread")
            import asyncio
            await asyncio.get_running_loop().run_in_executor(None, raising)
    """
    assert run(PATCHES[library], fail, REAL) == [
        "socket.socket, socket.socket, socket.socket",
        "2 threads",
        "127.0.0.1 80",
        "another thread",
        f"{selectors.DefaultSelector.__name__} select",
        "from a thread",
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_cannot_start_is_told_and_the_next_call_begins_anew(library):
    script = """
        from smsworks_async import NotSent, _patching
        from smsworks_async.blocking.portal import Portal
        import asyncio
        async def nothing():
            pass
        portal = Portal(nothing)
        original = _patching.original
        def without(module, name, default=None):
            def start(*_):
                raise RuntimeError("can't start new thread")
            return start if name == "start_new_thread" else original(module, name, default)
        from smsworks_async import _greenlets
        _greenlets.original = without
        try:
            portal.run(lambda _: nothing())
        except NotSent as error:
            print("NotSent")
        _greenlets.original = original
        print(portal.run(lambda _: asyncio.sleep(0, "fine")))
        portal.close()
        print(portal._loop_thread.ended)
    """
    assert run(PATCHES[library], script) == ["NotSent", "fine", "True"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_the_garbage_collector_takes_leaves_later_calls_their_sockets(library):
    """The traceback of an error makes cycles, and the collector finalizes all that is in them."""
    script = """
        import gc
        from smsworks_async._greenlets import Greenlets
        threads = Greenlets()
        for _ in range(2):
            inbox = threads.new_inbox()
            inbox.itself = inbox
            del inbox
            gc.collect()
            inbox = threads.new_inbox()
            inbox.put("fine")
            print(inbox.get(timeout=1))
    """
    assert run(PATCHES[library], script) == ["fine", "fine"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_uses_no_sockets_of_its_parent(library):
    script = """
        import os
        from smsworks_async._greenlets import Greenlets
        threads = Greenlets()
        inbox = threads.new_inbox()
        signal = inbox._signal
        child = os.fork()
        del inbox
        shared = threads.new_inbox()._signal is signal
        if not child:
            os._exit(shared)
        print(shared, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(PATCHES[library], script) == ["True 0"]


def run(*parts):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(map(textwrap.dedent, parts))],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


async def nothing():
    pass


def test_a_thread_of_uwsgis_takes_no_signals(monkeypatch):
    monkeypatch.setitem(sys.modules, "uwsgi", object())
    loop_thread = LoopThread(nothing)
    masks: queue.SimpleQueue[set[int]] = queue.SimpleQueue()
    loop_thread.submit(lambda: masks.put(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    assert signal.SIGTERM in masks.get(timeout=PATIENCE)
    loop_thread.stop()
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
