"""Runs that are cancelled again while they record what the first cancellation has interrupted."""

from __future__ import annotations

import asyncio

import pytest

from smsworks_async.journals import SQLiteJournal, State
from smsworks_async.sandbox import Fault
from support.messages import drama
from support.waiting import until


@pytest.fixture
def slow(monkeypatch):
    """Return a function that makes a method of journals wait, before or after its work."""

    def slow(method, *, before):
        real = getattr(SQLiteJournal, method)
        waits, goes_on = asyncio.Event(), asyncio.Event()

        async def waiting(*args, **options):
            result = None if before else await real(*args, **options)
            waits.set()
            await goes_on.wait()
            return await real(*args, **options) if before else result

        monkeypatch.setattr(SQLiteJournal, method, waiting)
        return waits, goes_on

    return slow


async def cancel_twice(task, goes_on):
    for _ in range(2):
        task.cancel()
        for _ in range(5):  # until it handles the first one
            await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def states(path):
    journal = SQLiteJournal(path)
    try:
        return {entry.state for entry in await journal.chunks("x")}
    finally:
        await journal.close()


async def test_run_that_is_cancelled_twice_during_a_claim_returns_the_chunk(
    box, sms, kept, tmp_path, slow
):
    path = tmp_path / "campaigns.db"
    claims, goes_on = slow("claim_next", before=False)
    sending = sms.bulk.send(**{**kept, "journal": path}, destinations=drama(20))
    task = asyncio.create_task(sending)
    await claims.wait()
    await cancel_twice(task, goes_on)
    assert await states(path) == {State.PENDING}
    assert box.requests == []


async def test_run_that_is_cancelled_twice_while_it_sends_leaves_its_chunk_unknown(
    box, sms, kept, tmp_path, slow
):
    path = tmp_path / "campaigns.db"
    _, goes_on = slow("finish", before=True)
    box.add_fault(Fault(path="/batch/send", times=0, when="hold"))
    sending = sms.bulk.send(**{**kept, "journal": path}, destinations=drama(20))
    task = asyncio.create_task(sending)
    await until(lambda: len(box.requests) == 2)
    await cancel_twice(task, goes_on)
    assert await states(path) == {State.UNKNOWN}
    box.release()
