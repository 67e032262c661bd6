"""PostgreSQL servers in trouble: temporary errors are retried, permanent ones reported."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from urllib.parse import urlsplit

import asyncpg
import attrs
import pytest

from smsworks_async import BatchOutcome, JournalError, Outcome
from smsworks_async.journals import PostgresJournal, State
from smsworks_async.journals.postgres import running, weather
from support import postgres
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.postgres import Server, connected, execute
from support.waiting import PATIENCE


needs_own_server = pytest.mark.skipif(
    postgres.binaries() is None, reason="there is no PostgreSQL for this platform"
)


async def plan(journal, name="x"):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, CHUNKS, PROBLEMS)
    await journal.finish_planning(name, TOTALS)


async def claim(journal, owner="me", *, after=-1, name="x"):
    return await journal.claim_next(
        name, owner=owner, lease=60.0, round=0, after=after, international=True
    )


def quick(monkeypatch, patience=30.0):
    monkeypatch.setattr(weather, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(weather, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(weather, "PATIENCE", patience)


async def why_not(url):
    """Return the error with which a journal refuses a database."""
    journal = PostgresJournal(url)
    with pytest.raises(JournalError) as caught:
        await journal.begin(CAMPAIGN)
    await journal.close()
    return caught.value


async def test_a_connection_that_the_server_ends_is_made_anew(postgres_url, monkeypatch):
    quick(monkeypatch)
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    await execute(
        postgres_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid != pg_backend_pid()",
    )
    assert (await claim(journal)).record.number == 0
    await journal.close()


async def test_a_deadlock_is_tried_again(postgres_url, monkeypatch):
    quick(monkeypatch)
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    tries = []

    async def locking(first, second, store):
        tries.append(first)
        await store.chunk(1, first)
        if len(tries) < 3:
            await asyncio.sleep(0.1)
        await store.chunk(1, second)
        return first

    done = await asyncio.gather(
        journal._run(lambda store: locking(0, 1, store)),
        journal._run(lambda store: locking(1, 0, store)),
    )
    assert done == [0, 1]
    assert len(tries) == 3
    await journal.close()


async def test_a_process_that_stops_within_a_transaction_is_thrown_out(postgres_url, monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(running, "WRITING", running.WRITING.replace("20s", "50ms"))
    journal = PostgresJournal(postgres_url)
    await plan(journal)
    tries = []

    async def stopping(store):
        tries.append(await store.chunk(1, 0))
        await asyncio.sleep(0.5 if len(tries) == 1 else 0)
        return await store.chunk(1, 1)

    stopped = asyncio.create_task(journal._run(stopping))
    while not tries:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    other = PostgresJournal(postgres_url)
    assert (await claim(other)).record.number == 0
    await other.close()
    assert (await stopped).number == 1
    assert len(tries) == 2
    await journal.close()


async def test_where_the_server_takes_no_more_connections_it_is_tried_again(
    postgres_databases, postgres_url, monkeypatch
):
    quick(monkeypatch, 0.3)
    name = urlsplit(postgres_url).path.removeprefix("/")
    role = f"crowd_{os.getpid()}"
    await execute(
        postgres_url,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1",
        f"GRANT ALL ON SCHEMA smsworks TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA smsworks TO {role}",
    )
    url = postgres_databases.server.url(name, login=f"{role}:x")
    async with connected(url):
        error = await why_not(url)
        assert "no more connections" in str(error)
        assert error.retryable
        quick(monkeypatch)
        journal = PostgresJournal(url)
        waiting = asyncio.create_task(journal.campaign_ids())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == []
    await journal.close()
    await execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_a_statement_that_a_person_cancels_is_a_journal_error(postgres_url):
    name = urlsplit(postgres_url).path.removeprefix("/")
    await execute(postgres_url, f"ALTER DATABASE {name} SET statement_timeout = '50ms'")
    journal = PostgresJournal(postgres_url)
    with pytest.raises(JournalError, match="cancelled") as caught:
        await journal._run(lambda store: store._row("SELECT pg_sleep(5)"))
    assert caught.value.retryable
    await journal.begin(CAMPAIGN)  # the connection still works
    await journal.close()


@pytest.fixture
def own_server():
    server = Server()
    server.start()
    yield server
    server.remove()


@needs_own_server
async def test_a_server_that_was_killed_and_is_back_goes_on(own_server, monkeypatch):
    quick(monkeypatch)
    url = own_server.url()
    journal = PostgresJournal(url)
    await plan(journal)
    claimed = (await claim(journal)).record
    own_server.stop(signal.SIGQUIT)
    finishing = asyncio.create_task(
        journal.finish("x", claimed, BatchOutcome(0, Outcome.ACCEPTED, 2, "b"))
    )
    claiming = asyncio.create_task(claim(journal, "another", after=0))
    await asyncio.sleep(0.3)
    assert not finishing.done()
    await asyncio.to_thread(own_server.start)
    assert (await finishing).state is State.ACCEPTED
    assert (await claiming).record.number == 1
    # Permanently.
    quick(monkeypatch, 0.2)
    own_server.stop(signal.SIGQUIT)
    with pytest.raises(JournalError, match="cannot be reached") as caught:
        await claim(journal, "one more", after=1)
    assert caught.value.retryable
    await journal.close()


# A pooler


@pytest.fixture
async def pooled(postgres_url, tmp_path):
    """The URL of a database behind PgBouncer, which hands out connections by transactions."""
    bouncer = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if bouncer is None:
        pytest.skip("there is no PgBouncer")
    there = urlsplit(postgres_url)
    folder = there.query.partition("host=")[2]
    if not folder:
        pytest.skip("a given server has logins of its own")
    tmp_path = postgres.scratch_folder()
    name = there.path.removeprefix("/")
    (tmp_path / "bouncer.ini").write_text(
        f"[databases]\n{name} = host={folder} port=5432 dbname={name} user=postgres\n"
        "[pgbouncer]\npool_mode = transaction\nauth_type = any\ndefault_pool_size = 3\n"
        f"unix_socket_dir = {tmp_path}\nlisten_port = 6432\nlisten_addr =\n"
        f"server_round_robin = 1\n"
    )
    process = subprocess.Popen([bouncer, "-q", "bouncer.ini"], cwd=tmp_path, **postgres.as_nobody())
    url = f"postgresql://postgres@/{name}?host={tmp_path}&port=6432"
    for _ in range(200):
        try:
            await execute(url, "SELECT 1")
            break
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.02)
    yield url
    process.terminate()
    process.wait(PATIENCE)
    shutil.rmtree(tmp_path)


async def test_a_pooler_by_transactions_is_found_out_and_gone_along_with(pooled):
    journals = [PostgresJournal(pooled) for _ in range(3)]
    await plan(journals[0])
    for turn in range(5):
        name = f"y{turn}"
        await plan(journals[turn % 3], name)

        async def work(number, journal, name=name):
            after = -1
            while (
                claimed := await claim(journal, f"{number}", after=after, name=name)
            ) is not None:
                after = claimed.record.number
                outcome = BatchOutcome(after, Outcome.ACCEPTED, 2, f"{name}{after}")
                await journal.finish(name, claimed.record, outcome)
                await asyncio.gather(*(journal.controls(name) for _ in range(10)))

        await asyncio.gather(*(work(n, journal) for n, journal in enumerate(journals)))
        summary = await journals[0].summary(name)
        assert summary.states[State.ACCEPTED].chunks == 3
    for journal in journals:
        await journal.close()
