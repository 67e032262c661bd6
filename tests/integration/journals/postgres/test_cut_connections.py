"""Connections to PostgreSQL that are cut at any point: each statement takes effect once."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from smsworks_async import BatchOutcome, JournalError, Outcome
from smsworks_async.journals import PostgresJournal, State
from smsworks_async.journals.postgres import connections, weather
from support.clock import FakeClock
from support.cut_connections import cutting
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.postgres import fetch


#: The pieces at which the connection is cut; each of these operations takes fewer than 40.
PIECES = range(1, 40, 1 if os.environ.get("SMSWORKS_TEST_SLOW") == "1" else 3)


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch):
    monkeypatch.setattr(weather, "FIRST_WAIT", 0.001)


async def claim(journal, owner, after=-1):
    return await journal.claim_next(
        "x", owner=owner, lease=60.0, round=0, after=after, international=True
    )


async def run(journal):
    """Plan a campaign, and send its first chunk."""
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.finish_planning("x", TOTALS)
    claimed = await claim(journal, "me")
    outcome = BatchOutcome(claimed.record.number, Outcome.ACCEPTED, 2, "b1")
    return claimed, await journal.finish("x", claimed.record, outcome)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("side", ["question", "answer"])
async def test_a_cut_connection_changes_nothing_of_a_campaign(postgres_url, side, piece):
    async with cutting(postgres_url) as cutter:
        journal = PostgresJournal(cutter.url)
        getattr(cutter, f"cut_at_{side}")(piece)
        claimed, record = await run(journal)
        await journal.close()
    assert claimed.record.number == record.number == 0
    assert (record.state, record.batch_id) == (State.ACCEPTED, "b1")
    events = await fetch(postgres_url, "SELECT number, what FROM smsworks.event")
    happened = Counter(what for number, what in events)
    assert happened["planned"] == 3
    assert happened["started"] == happened["accepted"] == 1
    states = await fetch(postgres_url, "SELECT state FROM smsworks.chunk ORDER BY number")
    assert states == [("accepted",), ("pending",), ("pending",)]


@pytest.mark.parametrize("answer", [1, 2, 3, 4])
async def test_claim_next_returns_what_it_has_claimed_where_its_answer_was_cut(
    postgres_url, answer
):
    async with cutting(postgres_url) as cutter:
        journal = PostgresJournal(cutter.url)
        await journal.begin(CAMPAIGN)
        await journal.plan("x", CHUNKS, PROBLEMS)
        assert (await claim(journal, "another")).record.number == 0
        cutter.cut_at_answer(answer)
        claimed = await claim(journal, "me", after=0)
        await journal.close()
    assert (claimed.record.number, claimed.record.owner) == (1, "me")
    assert (claimed.items, claimed.positions) == (CHUNKS[1].items, CHUNKS[1].positions)
    owners = await fetch(
        postgres_url, "SELECT owner FROM smsworks.chunk WHERE state = 'sending' ORDER BY number"
    )
    assert owners == [("another",), ("me",)], "one chunk would be in doubt that nobody sends"


CALL = {"operation": "messages.send", "fields": {"content": "h"}, "found_by": "mark"}


@pytest.mark.parametrize("answer", range(1, 8))
@pytest.mark.parametrize("cut", ["claim_key", "key", "resend_key", "claim_seen"])
async def test_keys_and_reports_are_claimed_once_where_an_answer_was_cut(postgres_url, cut, answer):
    async with cutting(postgres_url) as cutter:
        clock = FakeClock(1000.0)
        journal = PostgresJournal(cutter.url, clock=clock)

        async def call(name, *args, **kwargs):
            if name == cut and args[0] == "2":
                cutter.cut_at_answer(answer)
            return await getattr(journal, name)(*args, **kwargs)

        # The first turn prepares the statements, so that an answer more is the next statement's.
        for key in ("1", "2"):
            kept = await call("claim_key", key, **CALL, owner="me", lease=10.0)
            assert (kept.request.state, kept.request.owner) == (State.SENDING, "me")
            clock.advance(100.0)
            assert (await call("key", key)).request.state is State.UNKNOWN
            kept = await call("resend_key", key, 1, 5.0, owner="me again", lease=10.0)
            assert (kept.request.state, kept.request.owner) == (State.SENDING, "me again")
            assert kept.request.attempt == 2
            assert await journal.resend_key(key, 1, 5.0, owner="another", lease=10.0) is None
            assert await call("claim_seen", key, "DELIVERED", "me", 60.0)
            assert not await journal.claim_seen(key, "DELIVERED", "another", 60.0)
        await journal.close()


async def test_what_cannot_be_reached_for_long_is_a_journal_error(postgres_url, monkeypatch):
    monkeypatch.setattr(weather, "PATIENCE", 0.2)
    async with cutting(postgres_url) as cutter:
        journal = PostgresJournal(cutter.url)
        await journal.begin(CAMPAIGN)
        cutter.refuses = True
        cutter.cut_all()
        with pytest.raises(JournalError) as caught:
            await journal.summary("x")
        assert caught.value.temporary
        assert caught.value.retryable
        assert "cannot be reached" in str(caught.value)
        cutter.refuses = False
        assert (await journal.summary("x")).campaign.id == "x"
        await journal.close()


async def test_close_does_not_wait_for_a_server_that_is_gone(postgres_url):
    async with cutting(postgres_url) as cutter:
        journal = PostgresJournal(cutter.url)
        await journal.begin(CAMPAIGN)
        cutter.refuses = True
        cutter.cut_all()
        asking = asyncio.create_task(journal.summary("x"))
        await asyncio.sleep(0.1)
        await journal.close()
        with pytest.raises(JournalError):
            await asking
        await journal.close()


async def test_a_server_that_says_nothing_is_taken_for_lost(postgres_url, monkeypatch):
    monkeypatch.setattr(connections, "SILENCE", 0.2)
    async with cutting(postgres_url) as cutter:
        journal = PostgresJournal(cutter.url)
        await journal.begin(CAMPAIGN)
        cutter.hold_answers()
        asking = asyncio.create_task(journal.summary("x"))
        await asyncio.sleep(0.3)
        cutter.release()
        assert (await asking).campaign.id == "x"
        await journal.close()
