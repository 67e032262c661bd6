"""Access to private parts of the package and of its libraries, in one place.

`support.clock` and `support.waiting` reach for clocks and deadlines.
"""

from __future__ import annotations

import sqlite3

from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite.file import lay_out
from smsworks_async.journals.sqlite.worker import Worker


def awaited(client):
    """Return the async client behind a blocking one, and any other client unchanged."""
    return getattr(client, "_client", client)


def call_on_loop(client, function):
    """Call a function on the loop of a blocking client's thread, without waiting for it."""
    client._portal._loop_thread.call_soon(function)


def requester_of(client):
    return awaited(client)._requester


def settings_of(client):
    return requester_of(client).settings


def journal_of(client):
    """Return the object that opens a client's journal and opt-out list."""
    return awaited(client)._journal


def poller_of(client):
    return awaited(client)._poller


def waits_of(client):
    """Return the ids of the messages awaited by a client."""
    return set(poller_of(client)._waits)


def gateway_of(client):
    """Return the gateway of bulk."""
    return awaited(client).bulk._gateway


def session_of(client):
    """Return the aiohttp session of the running loop."""
    return awaited(client)._sessions.current()


def kept_connections(session):
    """Return the protocols of the connections that a session keeps for later requests."""
    return [protocol for kept in session.connector._conns.values() for protocol, _ in kept]


def server_of(box):
    """Return a sandbox's server: its gate, its dispatcher and its scheduler."""
    return box._server


def worker_of(journal):
    """Return the thread that runs a journal's statements."""
    return journal._handle.worker()


async def run_in_journal(journal, job):
    """Run a function of a journal's SQLite connection, as the journal's methods do."""
    return await journal._handle.do(job)


def on_connect(journal, prepare):
    """Call a function with the SQLite connection of a journal as soon as it is open."""
    connect = journal._handle._open

    def connect_and_prepare(path):
        connection = connect(path)
        prepare(connection)
        return connection

    journal._handle._open = connect_and_prepare


async def keys_in_journal(journal, key_hashes):
    """Return the stored idempotency keys; `Journal.key` would expire their leases."""

    async def read(store):
        return [await store.key_record(key_hash) for key_hash in key_hashes]

    return await journal._run(read)


def sqlite_journal_in_memory(clock):
    """Return an SQLite journal without a file: the layout and the statements are the same."""
    journal = SQLiteJournal(":memory:", clock=clock)
    journal._handle._worker = Worker(":memory:", open=_lay_out_in_memory)
    return journal


def _lay_out_in_memory(_):
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    lay_out(connection)
    return connection
