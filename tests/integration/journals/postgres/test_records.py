"""The records of a PostgreSQL journal, and their protection."""

from __future__ import annotations

import asyncpg
import attrs
import pytest

from smsworks_async import BatchOutcome, NotSent, Outcome
from smsworks_async.journals import Totals
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.postgres import connected, execute
from support.postgres_claims import claim, plan


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE smsworks.event SET detail = 'b'",
        "UPDATE smsworks.event SET what = 'accepted', detail = ''",
        "DELETE FROM smsworks.event",
        "TRUNCATE smsworks.event",
        "UPDATE smsworks.opt_out SET change = 'in'",
        "DELETE FROM smsworks.opt_out",
        "TRUNCATE smsworks.opt_out",
    ],
)
async def test_events_and_opt_outs_are_only_added(open_journal, postgres_url, statement):
    journal = open_journal()
    await plan(journal)
    await journal.record_opt_out("447700900001", "out", source="x")
    with pytest.raises(asyncpg.RaiseError, match="are only added"):
        await execute(postgres_url, statement)


async def test_planned_chunks_are_counted_by_the_server(open_journal, postgres_url):
    journal = open_journal()
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.finish_planning("x", TOTALS)
    async with connected(postgres_url) as connection:
        rows = await connection.fetchval(
            "SELECT reltuples FROM pg_class WHERE oid = 'smsworks.chunk'::regclass"
        )
    assert rows == 3


async def test_a_text_with_nul_is_kept_without_it(open_journal):
    journal = open_journal()
    await journal.begin(attrs.evolve(CAMPAIGN, message={"content": "a\0b \ud800"}))
    await journal.plan("x", CHUNKS, [])
    await journal.finish_planning("x", Totals(read=5, set_aside={}, chunks=3))
    assert (await journal.summary("x")).campaign.message == {"content": "a\0b \ud800"}
    claimed = (await claim(journal)).record
    lost = BatchOutcome(0, Outcome.REJECTED, 2, error=NotSent("no \0 connection"))
    await journal.finish("x", claimed, lost)
    assert (await journal.events("x", 0))[-1].detail == "no \\x00 connection"
    await journal.record_opt_out("44\0", "out", source="a\0", word="b\0", message_id="c\0")
    (number,) = (await journal.opt_out_changes(0)).out
    assert number == "44\\x00"
    assert not await journal.has_batch("x", "b\0")
    assert await journal.claim_seen("1\0", "DELIVERED\0", "me", 60.0)
