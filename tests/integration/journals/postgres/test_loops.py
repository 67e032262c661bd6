"""A PostgreSQL journal on several loops, in forked processes, cancelled and closed."""

from __future__ import annotations

import asyncio
import os

import pytest

from smsworks_async import AsyncSMSWorks, BatchOutcome, JournalError, OptOuts, Outcome, SMSWorks
from smsworks_async.journals import PostgresJournal, State
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.messages import TEXT_TO_MANY
from support.postgres import connected, fetch
from support.sandboxes import AT_ONCE


PEOPLE = [f"447700900{n:03d}" for n in range(60)]


async def plan(journal):
    await journal.begin(CAMPAIGN)
    await journal.plan("x", CHUNKS, PROBLEMS)
    await journal.finish_planning("x", TOTALS)


async def claim(journal, owner="me", after=-1):
    return await journal.claim_next(
        "x", owner=owner, lease=60.0, round=0, after=after, international=True
    )


async def sessions(url):
    """Return how many connections journals have to a database."""
    ((count,),) = await fetch(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smsworks-async' "
        "AND datname = current_database()",
    )
    return count


async def test_a_journal_has_two_connections_at_most_and_none_when_closed(postgres_url):
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    await asyncio.gather(*(journal.summary("x") for _ in range(20)))
    assert await sessions(postgres_url) == 2
    await journal.close()
    await journal.close()
    for _ in range(100):
        if not await sessions(postgres_url):
            break
        await asyncio.sleep(0.02)
    assert await sessions(postgres_url) == 0
    with pytest.raises(JournalError, match="closed"):
        await journal.summary("x")


async def test_a_journal_that_was_never_used_can_be_closed():
    journal = PostgresJournal("postgresql://127.0.0.1:1/nowhere")
    await journal.close()
    await journal.close()


async def test_each_loop_has_connections_of_its_own(postgres_url):
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    other = asyncio.new_event_loop()
    there = await asyncio.to_thread(other.run_until_complete, claim(journal, "elsewhere"))
    here = await claim(journal, after=0)
    assert (there.record.number, here.record.number) == (0, 1)
    assert await sessions(postgres_url) == 2
    await journal.close()
    # Connections of the other loop are closed there, as soon as it runs.
    await asyncio.to_thread(other.run_until_complete, asyncio.sleep(0.01))
    other.close()
    for _ in range(100):
        if not await sessions(postgres_url):
            break
        await asyncio.sleep(0.02)
    assert await sessions(postgres_url) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
async def test_a_forked_process_has_connections_of_its_own(postgres_url):
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    assert (await claim(journal)).record.number == 0
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.events._set_running_loop(None)

            async def use():
                claimed = await claim(journal, "child", after=0)
                assert list(journal._of_loops) == [asyncio.get_running_loop()]
                await journal.close()
                return claimed.record.number

            loop = asyncio.new_event_loop()
            os.write(writer, bytes([loop.run_until_complete(use())]))
            status = 0
        finally:
            os._exit(status)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    assert status == 0
    assert os.read(reader, 1) == b"\x01"
    os.close(reader)
    os.close(writer)
    # The child has not touched this process's session.
    assert (await claim(journal, after=1)).record.number == 2
    await journal.close()


async def test_a_call_that_is_cancelled_is_brought_to_its_end_before_the_journal_is_closed(
    postgres_url,
):
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    claimed = (await claim(journal)).record
    async with connected(postgres_url) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT FROM smsworks.chunk FOR UPDATE")
        finishing = asyncio.create_task(
            journal.finish("x", claimed, BatchOutcome(0, Outcome.NOT_SENT, 2))
        )
        await asyncio.sleep(0.1)
        finishing.cancel()
        await asyncio.gather(finishing, return_exceptions=True)
        closing = asyncio.create_task(journal.close())
        await asyncio.sleep(0.1)
        await transaction.rollback()
    await closing
    ((state,),) = await fetch(postgres_url, "SELECT state FROM smsworks.chunk WHERE number = 0")
    assert state == "pending"


async def test_close_cuts_what_does_not_end(postgres_url, monkeypatch):
    from smsworks_async.journals.postgres import connections

    monkeypatch.setattr(connections, "CLOSING", 0.1)
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    async with connected(postgres_url) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT FROM smsworks.campaign FOR UPDATE")
        waiting = asyncio.create_task(journal.steer("x", "pause"))
        await asyncio.sleep(0.1)
        await journal.close()
        with pytest.raises((JournalError, asyncio.CancelledError)):
            await waiting
        await transaction.rollback()


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.002, 0.004])
async def test_a_claim_that_is_cancelled_at_any_moment_leaves_a_journal_usable(
    postgres_url, moment
):
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    claiming = asyncio.create_task(claim(journal, "cancelled"))
    await asyncio.sleep(moment)
    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    claimed = await claim(journal, "me")
    assert claimed.record.owner == "me"
    states = [record.state for record in await journal.chunks("x")]
    assert states.count(State.SENDING) in {1, 2}
    await journal.close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_client_takes_a_url(box, postgres_url):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, journal=postgres_url
    ) as sms:
        await sms.opt_outs.add(PEOPLE[3])
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=PEOPLE, campaign="x", chunk_size=7
        )
        assert (report.accepted, report.opted_out) == (59, 1)
        sent = await sms.messages.send(
            sender="AcmeCorp", destination=PEOPLE[0], content="Hello", idempotency_key="order-1"
        )
        assert sent.message_id
    async with OptOuts(postgres_url) as opt_outs:
        assert await opt_outs.among(PEOPLE) == [PEOPLE[3]]
    counts = box.accepted_by_destination()
    assert set(counts) == set(PEOPLE) - {PEOPLE[3]}
    assert counts.pop(PEOPLE[0]) == 2
    assert set(counts.values()) == {1}


async def test_clients_on_several_machines_share_a_campaign(box, postgres_url):
    given = {"base_url": box.base_url, "retry": AT_ONCE, "journal": postgres_url}
    async with AsyncSMSWorks(box.token, **given) as one, AsyncSMSWorks(box.token, **given) as two:
        await one.bulk.plan(**TEXT_TO_MANY, destinations=PEOPLE, campaign="x", chunk_size=3)
        await asyncio.gather(one.bulk.work("x", concurrency=2), two.bulk.work("x", concurrency=2))
        status = await one.bulk.status("x")
        assert (status.state, status.accepted) == ("done", len(PEOPLE))
    counts = box.accepted_by_destination()
    assert counts == dict.fromkeys(PEOPLE, 1)


def test_a_blocking_client_takes_a_url(hosted, postgres_databases):
    url = asyncio.run(postgres_databases.create())
    with SMSWorks(hosted.box.token, base_url=hosted.box.base_url, journal=url) as sms:
        report = sms.bulk.send(**TEXT_TO_MANY, destinations=PEOPLE, campaign="x", chunk_size=20)
        assert report.accepted == len(PEOPLE)
        assert sms.bulk.status("x").accepted == len(PEOPLE)
    asyncio.run(postgres_databases.drop(url))
