"""`campaign work --account-rate`: one rate for all processes, in a real PostgreSQL."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from support.campaign_commands import CAMPAIGN, CHUNKS, PEOPLE, planned
from support.campaign_send import EVERYBODY, send, texted


#: So fast that the tests do not wait for it.
RATE = ("--account-rate", "1000")


@pytest.fixture
def database(postgres_databases):
    url = asyncio.run(postgres_databases.create())
    yield url
    asyncio.run(postgres_databases.drop(url))


def rates(database):
    """Return the rates in a database, by account."""

    async def read():
        connection = await asyncpg.connect(database)
        try:
            return await connection.fetch("SELECT account, per_second FROM smsworks.rate")
        finally:
            await connection.close()

    return {row["account"]: row["per_second"] for row in asyncio.run(read())}


@pytest.fixture
def slots(monkeypatch):
    """The accounts whose rate a request of this process has waited for."""
    from smsworks_async.rates import PostgresRate

    taken, acquire = [], PostgresRate.acquire

    async def counted(self):
        await acquire(self)
        taken.append(self._account)

    monkeypatch.setattr(PostgresRate, "acquire", counted)
    return taken


def test_work_shares_the_rate_of_the_account(smsworks, hosted, database, slots):
    planned(smsworks, database)
    done = smsworks("campaign", "work", CAMPAIGN, *RATE, "--limit", "4")
    assert (done.code, done.err) == (1, "")
    # A request's rate is acquired before its chunk is claimed.
    assert slots in (["default"] * 4, ["default"] * 5)
    del slots[:]
    done = smsworks("campaign", "work", CAMPAIGN, *RATE[:1], "500", "--rate-account", "acme")
    assert (done.code, done.err) == (0, "")
    assert len(slots) >= CHUNKS - 4
    assert set(slots) == {"acme"}
    assert rates(database) == {"default": 1000.0, "acme": 500.0}
    assert hosted.box.accepted() == len(PEOPLE)


def test_work_in_a_process_of_its_own_leaves_no_connection_open(smsworks, hosted, database):
    planned(smsworks, database)
    done = smsworks.run("campaign", "work", CAMPAIGN, *RATE)
    assert (done.code, done.err) == (0, "")
    assert hosted.box.accepted() == len(PEOPLE)


def test_send_and_retry_share_the_rate_of_the_account(smsworks, hosted, database, slots, people):
    smsworks.set(JOURNAL=database)
    assert smsworks(*send(people()), "--campaign", "may", "--yes", *RATE).code == 0
    assert texted(hosted) == EVERYBODY
    assert slots == ["default"]
    assert smsworks("campaign", "retry", "may", *RATE).code == 0
    assert set(slots) == {"default"}
    assert len(slots) > 1  # its searches


@pytest.mark.parametrize("words", [RATE, ("--rate-account", "acme")])
def test_work_without_a_database_or_a_rate_refuses_to_share_one(words, smsworks, hosted, tmp_path):
    planned(smsworks, str(tmp_path / "journal.db"))
    done = smsworks("campaign", "work", CAMPAIGN, *words)
    assert done.code == 2
    assert "journal in PostgreSQL" in done.error or "--account-rate" in done.error
    assert hosted.box.accepted() == 0
