"""PostgreSQL servers that are unsuitable for a journal, with the error for each."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from urllib.parse import urlsplit

import attrs
import pytest

from smsworks_async import BatchOutcome, ConfigurationError, JournalError, Outcome
from smsworks_async.journals import PostgresJournal, State, open_journal
from smsworks_async.journals.postgres import lay_out, layout
from support import postgres
from support.journals import CAMPAIGN, CHUNKS, PROBLEMS, TOTALS
from support.postgres import connected, execute, fetch


needs_socket = pytest.mark.skipif(
    postgres.GIVEN is not None, reason="a given server has logins of its own"
)


async def plan(journal, name="x"):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, CHUNKS, PROBLEMS)
    await journal.finish_planning(name, TOTALS)


async def claim(journal, owner="me", *, after=-1, name="x"):
    return await journal.claim_next(
        name, owner=owner, lease=60.0, round=0, after=after, international=True
    )


async def why_not(url):
    """Return the error with which a journal refuses a database."""
    journal = PostgresJournal(url)
    with pytest.raises(JournalError) as caught:
        await journal.begin(CAMPAIGN)
    await journal.close()
    return caught.value


@pytest.fixture
async def empty_url(postgres_databases):
    url = await postgres_databases.create(empty=True)
    yield url
    await postgres_databases.drop(url)


async def test_a_journal_makes_its_tables_once_however_many_open_it(empty_url):
    journals = [PostgresJournal(empty_url) for _ in range(3)]
    lists = await asyncio.gather(*(journal.opt_out_list() for journal in journals))
    assert len(set(lists)) == 1
    assert [journal.made_it for journal in journals].count(True) == 1
    for journal in journals:
        await journal.close()
    assert await fetch(empty_url, "SELECT version FROM smsworks.layout") == [(layout.VERSION,)]


async def test_what_must_exist_is_not_made(empty_url):
    journal, is_ours = open_journal(empty_url, must_exist=True)
    assert is_ours
    with pytest.raises(JournalError, match="there is no journal in this database"):
        await journal.campaign_ids()
    await journal.close()
    assert await fetch(empty_url, "SELECT to_regnamespace('smsworks')::text") == [(None,)]


@needs_socket
async def test_a_wrong_password_is_told_without_being_quoted(postgres_databases, postgres_url):
    await execute(
        postgres_databases.server.url(),
        "DROP ROLE IF EXISTS with_password",
        "CREATE ROLE with_password LOGIN PASSWORD 'right'",
    )
    name = urlsplit(postgres_url).path.removeprefix("/")
    url = postgres_databases.server.url(name, login="with_password:s3cret")
    error = await why_not(url)
    assert "refused the login" in str(error)
    assert not error.retryable
    said = f"{error!r} {error.__cause__!r} {error.__context__!r} {PostgresJournal(url)!r}"
    assert "s3cret" not in said
    assert "with_password" not in said


async def test_a_database_that_is_not_there_is_told(postgres_databases):
    error = await why_not(postgres_databases.server.url("nowhere"))
    assert "the database does not exist" in str(error)
    assert "nowhere" in str(error)
    assert not error.retryable


async def test_a_newer_layout_is_refused(postgres_url):
    await execute(postgres_url, "UPDATE smsworks.layout SET version = 99")
    error = await why_not(postgres_url)
    assert "newer version of smsworks-async" in str(error)
    assert not error.retryable


async def test_a_schema_of_something_else_is_refused(empty_url):
    await execute(empty_url, "CREATE SCHEMA smsworks", "CREATE TABLE smsworks.layout (version int)")
    assert "another program" in str(await why_not(empty_url))


@pytest.fixture
async def without_rights(postgres_databases, empty_url):
    """The URL of a role that may connect and nothing else."""
    role = f"worker_{os.getpid()}"
    await execute(
        empty_url,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
        f"REVOKE ALL ON DATABASE {urlsplit(empty_url).path[1:]} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {urlsplit(empty_url).path[1:]} TO {role}",
    )
    name = urlsplit(empty_url).path.removeprefix("/")
    yield role, postgres_databases.server.url(name, login=f"{role}:x")
    await execute(empty_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_a_role_that_may_not_make_tables_is_told_what_to_do(without_rights):
    _, url = without_rights
    error = await why_not(url)
    assert "smsworks journal init" in str(error)
    assert not error.retryable


async def test_lay_out_lets_a_role_work_that_may_not_make_tables(empty_url, without_rights):
    role, url = without_rights
    await lay_out(empty_url, grant_to=role)
    await lay_out(empty_url, grant_to=role)
    journal = PostgresJournal(url)
    await plan(journal)
    claimed = (await claim(journal)).record
    accepted = BatchOutcome(0, Outcome.ACCEPTED, 2, "b")
    assert (await journal.finish("x", claimed, accepted)).state is State.ACCEPTED
    await journal.record_opt_out("447700900001", "out", source="x")
    await journal.claim_seen("1", "DELIVERED", "me", 60.0)
    assert await journal.prune_keys(0.0) == 0
    # Everything else is done; erased data is still in the tables' files.
    await journal.steer("x", "cancel")
    with pytest.raises(JournalError, match="not erased yet"):
        await journal.forget("x")
    await journal.close()
    owner = PostgresJournal(empty_url)
    await owner.forget("x")
    assert (await owner.summary("x")).campaign.forgotten
    await owner.close()


async def test_forget_leaves_nothing_in_the_files_of_the_tables(postgres_databases, empty_url):
    """As far as the tables go: write-ahead logs and backups are the administrator's."""
    secret = "a text that nobody may find"
    journal = PostgresJournal(empty_url)
    await journal.begin(attrs.evolve(CAMPAIGN, message={"content": secret}))
    await journal.steer("x", "cancel")
    await journal.forget("x")
    async with connected(empty_url) as connection:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        rows = await connection.fetch(
            "SELECT lp_flags, t_data FROM heap_page_items(get_raw_page('smsworks.campaign', 0))"
        )
    assert not any(secret.encode() in (row["t_data"] or b"") for row in rows)
    await journal.close()


async def test_a_commit_that_is_not_waited_for_is_refused(postgres_databases, postgres_url):
    name = urlsplit(postgres_url).path.removeprefix("/")
    await execute(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    error = await why_not(postgres_url)
    assert "synchronous_commit is off" in str(error)
    options = "options=-c%20synchronous_commit%3Don"
    journal = PostgresJournal(f"{postgres_url}{'&' if '?' in postgres_url else '?'}{options}")
    await journal.begin(CAMPAIGN)
    await journal.close()


def server_like(**fields):
    usual = {
        "encoding": "UTF8",
        "fsync": "on",
        "synchronous_commit": "on",
        "is_laid_out": True,
        "now": 0.0,
        "version": 180001,
    }
    return layout.Server(**{**usual, **fields})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"fsync": "off"}, "fsync=off"),
        ({"synchronous_commit": "off"}, "synchronous_commit"),
        ({"encoding": "LATIN1"}, "UTF8"),
        ({"version": 120005}, "older than PostgreSQL 13"),
    ],
)
def test_check_server_refuses_a_server_that_cannot_keep_the_promise(fields, why):
    layout.check_server(server_like(), "x")
    with pytest.raises(JournalError, match=why):
        layout.check_server(server_like(**fields), "x")


async def test_an_encoding_that_cannot_hold_every_text_is_refused(postgres_databases):
    name = "smsworks_latin"
    admin = postgres_databases.server.url()
    await execute(
        admin,
        f"DROP DATABASE IF EXISTS {name}",
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
    )
    assert "UTF8" in str(await why_not(postgres_databases.server.url(name)))
    await execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


async def test_without_the_extra_a_journal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match="pip install asyncpg"):
        PostgresJournal("postgresql://localhost/x")
    with pytest.raises(ConfigurationError, match="postgres"):
        open_journal("postgres://localhost/x")


def test_asyncpg_is_imported_when_it_is_used_alone():
    script = (
        "import sys; from smsworks_async.journals import PostgresJournal, open_journal\n"
        "PostgresJournal('postgresql://localhost/x'); print('asyncpg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
