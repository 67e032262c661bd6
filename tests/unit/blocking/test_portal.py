"""Blocking calls that are interrupted at points that a signal cannot hit reliably."""

from __future__ import annotations

import asyncio
import gc
import queue
import threading
from contextlib import suppress

import pytest

from smsworks_async.blocking.portal import BlockingCall, Portal
from support.waiting import PATIENCE


async def nothing():
    pass


@pytest.fixture
def portal():
    portal = Portal(nothing)
    portal.run(lambda _: nothing())
    yield portal
    portal.close()


class Interrupted(queue.SimpleQueue):
    """An inbox that raises KeyboardInterrupt a number of times, before or after taking an item."""

    def __init__(self, times, *, when=None):
        super().__init__()
        self.times = times
        self.when = when

    def get(self, block=True, timeout=None):
        if self.times:
            self.times -= 1
            if self.when is None:
                super().get()
            else:
                assert self.when.wait(PATIENCE)
            raise KeyboardInterrupt
        return super().get(block, timeout)


def call(portal, work, inbox):
    call = BlockingCall(portal._loop_thread, work)
    call._inbox = inbox
    call.wait()


def test_portal_does_not_hang_on_ctrl_c_as_a_call_ends(portal):
    async def work(_):
        return "sent"

    with pytest.raises(KeyboardInterrupt) as interruption:
        call(portal, work, Interrupted(1))
    assert interruption.value.__notes__ == ["the call had already ended: its result is a str"]


class Forever:
    """Work that ends only when it is cancelled."""

    def __init__(self, *, at_the_end=None):
        self.at_the_end = at_the_end
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self, _):
        self.started.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            error.add_note("not known whether it was accepted")
            self.cancelled.set()
            if self.at_the_end is not None:
                await self.at_the_end.wait()
            raise


def test_portal_cancels_the_work_in_spite_of_a_second_ctrl_c(portal, monkeypatch):
    work = Forever()
    tell, told = portal._loop_thread.call_soon, []

    def interrupted_at_first(function):
        told.append(function)
        if len(told) == 1:
            raise KeyboardInterrupt
        tell(function)

    monkeypatch.setattr(portal._loop_thread, "call_soon", interrupted_at_first)
    with pytest.raises(KeyboardInterrupt) as interruption:
        call(portal, work, Interrupted(1, when=work.started))
    assert work.cancelled.wait(PATIENCE)
    assert interruption.value.__notes__ == ["not known whether it was accepted"]


def test_portal_stops_waiting_on_a_second_ctrl_c_and_says_so(portal):
    work = Forever(at_the_end=asyncio.Event())
    with pytest.raises(KeyboardInterrupt) as interruption:
        call(portal, work, Interrupted(2, when=work.started))
    assert "the request may have been accepted" in interruption.value.__notes__[0]
    assert work.cancelled.wait(PATIENCE)
    portal._loop_thread.submit(work.at_the_end.set)


def test_portal_cancels_work_however_its_waiting_thread_left(portal, monkeypatch):
    work = Forever()
    request_cancel, tries = BlockingCall.request_cancel, []

    def interrupted_twice(call):
        tries.append(call)
        if len(tries) <= 2:
            raise KeyboardInterrupt
        request_cancel(call)

    monkeypatch.setattr(BlockingCall, "request_cancel", interrupted_twice)
    with suppress(KeyboardInterrupt):
        call(portal, work, Interrupted(1, when=work.started))
    gc.collect()
    assert work.cancelled.wait(PATIENCE)


def test_portal_leaves_other_calls_alone_when_one_is_interrupted(portal):
    work = Forever()
    with pytest.raises(KeyboardInterrupt):
        call(portal, work, Interrupted(1, when=work.started))
    assert portal.run(lambda _: asyncio.sleep(0, "fine")) == "fine"
