"""The stored data of idempotency keys, and their removal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsworks_async import OutcomeUnknown
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.sandbox import Fault
from support.keyed import FOUND_AGAIN, TEXT, WAYS, call, fake_clock, posts
from support.sandboxes import client


DAY = 86400.0


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path):
    journal = MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "keys.db")
    yield journal
    await journal.close()


@pytest.fixture
async def sms(box, journal):
    async with client(box, journal=journal) as client_:
        yield client_


@pytest.mark.parametrize(("days", "is_new"), [(29, False), (31, True)])
async def test_prune_removes_keys_that_ended_over_thirty_days_ago(box, sms, journal, days, is_new):
    clock = fake_clock(sms, journal)
    await call(sms, "messages.send")
    clock.advance(days * DAY)
    await sms.bulk.prune(before=timedelta(0))
    assert (await call(sms, "messages.send")).replayed is not is_new
    assert posts(box, "messages.send") == 1 + is_new


async def test_prune_leaves_keys_that_ended_after_its_moment(box, sms, journal):
    clock = fake_clock(sms, journal)
    await call(sms, "messages.send")
    clock.advance(31 * DAY)
    await sms.bulk.prune(before=timedelta(days=90))
    assert (await call(sms, "messages.send")).replayed
    assert posts(box, "messages.send") == 1


async def test_prune_leaves_keys_whose_outcome_is_unknown(box, sms, journal):
    clock = fake_clock(sms, journal)
    box.add_fault(Fault(path="/message/send", when="before"))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    clock.advance(365 * DAY)
    await sms.bulk.prune(before=timedelta(0))
    with pytest.raises(OutcomeUnknown):
        await call(sms, "messages.send")
    assert posts(box, "messages.send") == 1


async def test_a_journal_that_was_deleted_has_forgotten_its_keys(box, tmp_path):
    for _ in range(2):
        async with client(box, journal=tmp_path / "keys.db") as sms:
            assert not (await call(sms, "messages.send")).replayed
        for file in tmp_path.glob("keys.db*"):
            file.unlink()
    assert posts(box, "messages.send") == 2


@pytest.mark.parametrize("way", WAYS)
async def test_a_journal_has_neither_numbers_nor_texts_nor_keys(box, tmp_path, way):
    more = {"passcode": "739152"} if way == "otp.send" else {}
    async with client(box, journal=tmp_path / "keys.db") as sms:
        if way in FOUND_AGAIN:
            box.add_fault(Fault(path=WAYS[way][0], when="after"))
            with pytest.raises(OutcomeUnknown):
                await call(sms, way, **more)
        await call(sms, way, **more)
        assert (await call(sms, way, **more)).replayed
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert way.encode() in kept
    for word in ["7700900", "order-1234", "AcmeCorp", TEXT["content"], "We open at nine", "739152"]:
        assert word.encode() not in kept, word
