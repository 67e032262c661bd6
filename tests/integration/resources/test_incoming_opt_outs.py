"""Polling: opt-outs are recorded before a message is yielded, or it is yielded again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from smsworks_async import AsyncSMSWorks, JournalError, OptOuts
from smsworks_async.journals.sqlite import file
from smsworks_async.sandbox import ManualClock, Sandbox
from support.sandboxes import AT_ONCE


NUMBER = "447700900124"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def box(clock):
    async with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def opt_outs(tmp_path):
    async with OptOuts(tmp_path / "list.db") as opt_outs:
        yield opt_outs


@pytest.fixture
async def sms(box, tmp_path):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, journal=tmp_path / "list.db"
    ) as client:
        yield client


async def test_incoming_records_before_it_hands_a_message_on(box, sms, opt_outs, clock):
    await box.receive(sender=NUMBER, to="60777", content="Hello")
    await box.advance(1)
    await box.receive(sender=NUMBER, to="60777", content="STOP")
    incoming = sms.messages.incoming()
    assert (await anext(incoming)).content == "Hello"
    assert not await opt_outs.contains(NUMBER)
    assert (await anext(incoming)).content == "STOP"
    [event] = await opt_outs.history(NUMBER)
    assert event.at == clock.now()
    await incoming.aclose()
    again = sms.messages.incoming()  # and again, without a bookmark
    assert [(await anext(again)).content for _ in range(2)] == ["Hello", "STOP"]
    assert len(await opt_outs.history(NUMBER)) == 1
    await again.aclose()


async def test_what_cannot_be_recorded_is_not_handed_on_and_comes_again(
    box, sms, opt_outs, tmp_path, monkeypatch
):
    monkeypatch.setattr(file, "PATIENCE", 0.0)
    place = tmp_path / "place"
    await opt_outs.identity()
    await box.receive(sender=NUMBER, to="60777", content="STOP")
    with closing(sqlite3.connect(tmp_path / "list.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError):
            await anext(sms.messages.incoming(bookmark=place))
        other.execute("ROLLBACK")
    assert not place.exists()
    incoming = sms.messages.incoming(bookmark=place)
    assert (await anext(incoming)).content == "STOP"
    await incoming.aclose()
    assert await sms.opt_outs.contains(NUMBER)
